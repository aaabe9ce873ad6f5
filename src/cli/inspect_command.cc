#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/image_info.h"
#include "cli/json_text.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

Syntax syntax_for(std::string& root) {
  Syntax syntax{.name = "inspect",
                .arguments = "IMAGE…",
                .summary = "Shows images' configuration, layers, digests and names as JSON.",
                .least = 1,
                .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {root_flag(root), refused_flag("format", 'f', "VALUE")};
  syntax.examples = {{"lichen inspect app", "one image"},
                     {"lichen inspect app | jq '.[0].Config.Cmd'", "one member"}};
  return syntax;
}

Result<std::string> inspect(const std::string& root, const std::vector<std::string>& names) {
  const auto store = TRY(open_store(root));
  const std::vector<store::Image> all = TRY(store->list_images());
  std::vector<Inspected> images;
  for (const std::string& name : names) {
    const store::Image image = TRY(find_image(*store, name));
    images.push_back({TRY(read_image(*store, image)), names_of(all, image)});
  }
  return inspect_json(images);
}

}  // namespace

int inspect_command(const Invocation& invocation) {
  std::string root;
  const Syntax syntax = syntax_for(root);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto text = inspect(root, parsed->arguments);
  return text ? print(*text) : report(text.error());
}

}  // namespace lichen::cli
