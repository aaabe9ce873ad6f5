#include <unistd.h>

#include <ctime>

#include "build/upkeep.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/prompt.h"
#include "cli/prune_options.h"
#include "cli/report.h"
#include "cli/usage_text.h"

namespace lichen::cli {

namespace {

Result<bool> is_confirmed(const PruneOptions& options, const std::atomic<bool>* cancelled) {
  if (options.force || ::isatty(STDIN_FILENO) != 1) return true;
  const bool all = options.request.scope == store::PruneRequest::Scope::kAll;
  const std::string answer =
      TRY(prompt(std::string("This removes ") +
                     (all ? "images, and what builds kept" : "what no image with a name needs") +
                     ". Go on? [y/N] ",
                 true, cancelled));
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

int prune_command(const Invocation& invocation) {
  auto options = parse_prune(invocation.args, std::time(nullptr));
  if (!options) return report_usage(options.error());
  if (options->help) return print(prune_help());
  const auto confirmed = is_confirmed(*options, invocation.cancelled);
  if (!confirmed) return report(confirmed.error());
  if (!*confirmed) return 0;
  options->environment.cancelled = invocation.cancelled;
  const auto pruned = build::prune(options->environment, options->request);
  if (!pruned) return report(pruned.error());
  std::string text;
  if (options->verbose && !pruned->removed.empty())
    text = entries_text(pruned->removed, std::time(nullptr)) + "\n";
  return print(text + "Total reclaimed space: " + human_size(pruned->bytes) + "\n");
}

}  // namespace lichen::cli
