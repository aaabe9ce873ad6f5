#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/image_info.h"
#include "cli/report.h"
#include "oci/reference.h"

namespace lichen::cli {

namespace {

Syntax syntax_for(std::string& root) {
  Syntax syntax{.name = "tag",
                .arguments = "IMAGE NAME[:TAG]",
                .summary = "Gives an image another name.",
                .least = 2,
                .most = 2};
  syntax.flags = {root_flag(root)};
  syntax.examples = {{"lichen tag app registry.example/app:1", "a name to push under"},
                     {"lichen tag 3f2a9c01b7de app", "name an untagged build by its id"}};
  return syntax;
}

Result<void> tag(const std::string& root, const std::string& from, const std::string& to) {
  oci::Reference reference = TRY(oci::parse_reference(to));
  if (!reference.digest.empty())
    return fail(Errc::kInvalid, to + ": a new name cannot have a digest");
  const auto store = TRY(open_store(root));
  store::Image image = TRY(find_image(*store, from));
  const bool was_untagged = is_untagged(image);
  const std::string before = image.name;
  image.name = oci::to_text(reference);
  TRY(store->put_image(image));
  // It has a name now: "<none>" would only repeat it.
  if (was_untagged) TRY(store->remove_image(before));
  return {};
}

}  // namespace

int tag_command(const Invocation& invocation) {
  std::string root;
  const Syntax syntax = syntax_for(root);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto done = tag(root, parsed->arguments[0], parsed->arguments[1]);
  return done ? 0 : report(done.error());
}

}  // namespace lichen::cli
