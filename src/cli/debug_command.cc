#include "base/text.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/image_info.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

struct Options {
  std::string root;
  bool quick = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{.name = "debug",
                .arguments = "fsck",
                .summary = "Looks into lichen itself. fsck checks the store.",
                .text =
                    "fsck prints one line for each thing that is wrong, and exits with 6 if "
                    "there is any.",
                .least = 1,
                .most = 1,
                .missing_hint = "`lichen debug fsck`"};
  syntax.flags = {switch_flag("quick", 0, "do not read the blobs' bytes", options.quick),
                  root_flag(options.root)};
  syntax.examples = {{"lichen debug fsck", "check every blob, record and image"},
                     {"lichen debug fsck --root /tmp/store", "another store"}};
  return syntax;
}

Result<int> check_store(const Options& options) {
  const auto store = TRY(open_store(options.root));
  std::string text;
  for (const std::string& problem : TRY(store->fsck(!options.quick)))
    text += printable(problem) + "\n";
  if (text.empty()) return print("no problems in " + printable(store->path()) + "\n");
  (void)print(text);
  return exit_status(Errc::kCorrupt);
}

}  // namespace

int debug_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const std::string& what = parsed->arguments.front();
  if (what != "fsck")
    return report_usage({.code = Errc::kInvalid,
                         .message = "unknown command: lichen debug " + what,
                         .hint = "there is only `lichen debug fsck`"});
  const auto status = check_store(options);
  return status ? *status : report(status.error());
}

}  // namespace lichen::cli
