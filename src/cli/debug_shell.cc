#include "cli/debug_shell.h"

#include <unistd.h>

#include "cli/display.h"
#include "cli/report.h"
#include "cli/secret_flags.h"
#include "cli/signals.h"

namespace lichen::cli {

namespace {

void tell(const build::Event& event) {
  if (const auto* warning = std::get_if<build::Warning>(&event)) warn(warning->text);
}

}  // namespace

void add_shell_flags(std::vector<Flag>& flags, ShellOptions& options) {
  flags.push_back(
      switch_flag("before", 0, "shell: the tree that the step started from", options.before));
  flags.push_back(switch_flag("after", 0, "shell: the tree that it made", options.after));
  flags.push_back(switch_flag("failed", 0, "shell: what it left when it failed", options.failed));
  flags.push_back(
      text_flag("build", 0, "BUILD", "shell: of this build (default: the newest)", options.build));
  flags.push_back(list_flag("secret", 0, "id=ID[,src=FILE|,env=NAME]",
                            "shell: a secret for the step's mounts; repeatable", options.secrets));
  flags.push_back(list_flag("ssh", 0, "default|ID[=SOCKET|KEY]",
                            "shell: an agent for the step's mounts; repeatable", options.agents));
}

Result<build::ShellRequest> parse_shell(const ShellOptions& options,
                                        const std::vector<std::string>& arguments, bool dashes,
                                        const Variables& variables) {
  using Where = build::ShellRequest::Where;
  if (options.before + options.after + options.failed != 1)
    return fail(Errc::kInvalid, "lichen debug shell: where?",
                "give one of --before, --after and --failed");
  build::ShellRequest request{.build = options.build, .step = {}, .command = {}};
  request.where = options.before ? Where::kBefore : options.after ? Where::kAfter : Where::kFailed;
  const bool names_step = !arguments.empty() && !dashes;
  if (!names_step && !options.failed)
    return fail(Errc::kInvalid, "lichen debug shell: which step?",
                "a number, or a part of a name, of `lichen builds inspect`");
  if (names_step) request.step = arguments.front();
  request.command.assign(arguments.begin() + (names_step ? 1 : 0), arguments.end());
  for (const std::string& secret : options.secrets)
    request.secrets.push_back(TRY(parse_secret(secret, variables)));
  for (const std::string& agent : options.agents)
    request.agents.push_back(TRY(parse_agent(agent, variables)));
  return request;
}

Result<int> run_shell(build::ShellRequest request, build::Environment environment) {
  environment.relay = pass_signals();
  request.terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  const os::WaitStatus status = TRY(build::debug_shell(request, environment, tell));
  if (const auto* signaled = std::get_if<os::Signaled>(&status)) return 128 + signaled->signal;
  return std::get<os::Exited>(status).code;
}

}  // namespace lichen::cli
