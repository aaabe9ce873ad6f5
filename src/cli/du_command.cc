#include <ctime>

#include "build/upkeep.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/report.h"
#include "cli/usage_text.h"

namespace lichen::cli {

namespace {

struct Options {
  build::Environment environment;
  bool json = false, verbose = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{
      .name = "du",
      .summary = "Shows what the store takes on disk.",
      .text =
          "The total is what `du -s` says of the store's directory. RECLAIMABLE is what\n"
          "`lichen prune` would remove: what no image with a name needs, and no build uses.",
      .most = 0};
  syntax.flags = {switch_flag("verbose", 'v', "every single thing", options.verbose),
                  {"format", 0, "json", "as JSON: every single thing, in bytes",
                   [&options](const std::string& text) -> Result<void> {
                     if (text != "json")
                       return fail(Errc::kUnsupported, "\"" + text + "\" is not supported",
                                   "json is");
                     options.json = true;
                     return {};
                   }},
                  tier_flag(options.environment.tier),
                  root_flag(options.environment.root)};
  syntax.flags.push_back(refused_flag("filter", 0, "VALUE"));
  syntax.examples = {{"lichen du", "by kind"},
                     {"lichen du -v", "every step, image and cache, the largest first"},
                     {"lichen du --format json", "for programs"}};
  return syntax;
}

}  // namespace

int du_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  options.environment.cancelled = invocation.cancelled;
  const auto found = build::disk_usage(options.environment);
  if (!found) return report(found.error());
  if (options.json) return print(usage_json(*found));
  std::string text;
  if (options.verbose) text = entries_text(found->usage.entries, std::time(nullptr)) + "\n";
  return print(text + usage_text(found->usage));
}

}  // namespace lichen::cli
