#include <unistd.h>

#include "base/text.h"
#include "build/build.h"
#include "cli/commands.h"
#include "cli/display.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "cli/signals.h"

namespace lichen::cli {

namespace {

constexpr int kOwnFailure = 125;  // as docker and podman: not a status of the command

// What was fetched, and warnings: standard error belongs to the command, the rest would be noise.
void tell(const build::Event& event) {
  std::string text;
  if (const auto* transfer = std::get_if<build::StepTransfer>(&event)) {
    if (transfer->done && transfer->bytes > 0) text = transfer_text(*transfer);
  } else if (const auto* warning = std::get_if<build::Warning>(&event)) {
    text = warning_text(*warning);
  }
  if (text.empty()) return;
  text = "lichen: " + text + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

int run_command(const Invocation& invocation) {
  auto options = parse_run(invocation.args);
  if (!options) {
    report(options.error());
    return kOwnFailure;
  }
  if (options->help) return print(run_help());
  build::RunRequest& request = options->request;
  if (request.terminal && request.interactive && ::isatty(STDIN_FILENO) != 1) {
    report({.code = Errc::kInvalid,
            .message = "-t: standard input is not a terminal",
            .hint = "leave -t out"});
    return kOwnFailure;
  }
  options->environment.cancelled = invocation.cancelled;
  options->environment.relay = pass_signals();
  const auto status = build::run(request, options->environment, tell);
  if (!status) {
    const int code = report(status.error());
    return status.error().code == Errc::kCancelled ? code : kOwnFailure;
  }
  if (const auto* signaled = std::get_if<os::Signaled>(&*status)) return 128 + signaled->signal;
  return std::get<os::Exited>(*status).code;
}

}  // namespace lichen::cli
