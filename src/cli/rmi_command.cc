#include "build/upkeep.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/image_info.h"
#include "cli/removal.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

struct Options {
  build::Environment environment;
  bool force = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{.name = "rmi",
                .arguments = "IMAGE…",
                .summary = "Removes images' names, and what no name needs any more.",
                .text = "What later builds may find CACHED is kept.",
                .least = 1,
                .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {switch_flag("force", 'f', "an id removes all names of the image", options.force),
                  tier_flag(options.environment.tier), root_flag(options.environment.root)};
  syntax.examples = {{"lichen rmi app:old", "one name"},
                     {"lichen rmi -f 3f2a9c01b7de", "an image under all its names"},
                     {"lichen rmi $(lichen images -q)", "every image without a second name"}};
  return syntax;
}

Result<std::string> remove(store::Store& store, const std::string& text, bool force) {
  const store::Image found = TRY(find_image(store, text));
  const std::vector<store::Image> all = TRY(store.list_images());
  const std::vector<store::Image> images = TRY(plan_removal(all, found, text, force));
  for (const store::Image& image : images) TRY(store.remove_image(image.name));
  return removal_text(all, images);
}

// As many as can be; the first error decides the exit status.
int remove_all(const Options& options, const std::vector<std::string>& names) {
  int status = 0;
  bool removed = false;
  {
    const auto store = open_store(options.environment.root);
    if (!store) return report(store.error());
    for (const std::string& name : names) {
      const auto text = remove(**store, name, options.force);
      removed = removed || text.has_value();
      const int one = text ? print(*text) : report(text.error());
      if (status == 0) status = one;
    }
  }
  if (!removed) return status;
  const auto swept =
      build::prune(options.environment, {.scope = store::PruneRequest::Scope::kOrphans});
  if (swept) return status;
  const int one = report(swept.error());
  return status != 0 ? status : one;
}

}  // namespace

int rmi_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  options.environment.cancelled = invocation.cancelled;
  return remove_all(options, parsed->arguments);
}

}  // namespace lichen::cli
