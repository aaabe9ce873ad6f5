#include <fcntl.h>
#include <unistd.h>

#include "build/build.h"
#include "cli/build_options.h"
#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "os/file.h"
#include "transfer/output_file.h"

namespace lichen::cli {

namespace {

constexpr std::size_t kMaxDockerfileBytes = 4u << 20;

// Before the build: what it made would be there, and told nowhere.
Result<void> check_files(const BuildOptions& options) {
  for (const std::string& file : {options.iidfile, options.metadata_file})
    if (!file.empty()) TRY(transfer::OutputFile::check(file));
  return {};
}

Result<void> write_files(const BuildOptions& options, const build::Outcome& outcome) {
  if (!options.iidfile.empty())
    TRY(transfer::OutputFile::write(options.iidfile, outcome.id().text(), STDOUT_FILENO));
  if (!options.metadata_file.empty())
    TRY(transfer::OutputFile::write(options.metadata_file, metadata_json(outcome), STDOUT_FILENO));
  return {};
}

Result<int> answer_call(const BuildOptions& options, ProgressMode mode,
                        const Variables& variables) {
  Progress progress(mode, STDERR_FILENO, variables);
  auto answer =
      build::call(*options.call.call, options.request, options.environment, progress.sink());
  progress.finish();
  if (!answer) return fail(std::move(answer).error());
  if (const int status = print(options.call.json ? answer->json : answer->text); status != 0)
    return status;
  if (answer->error) (void)report(*answer->error);
  return call_status(options.call, *answer);
}

Result<int> build_image(BuildOptions options, const Variables& variables) {
  const ProgressMode mode =
      TRY(choose_progress(options.progress, ::isatty(STDERR_FILENO) == 1, variables));
  if (options.dockerfile_on_stdin) {
    const os::UniqueFd in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!in.valid()) return fail(os_error("open", "standard input"));
    options.request.dockerfile_text = TRY(os::read_file(in, kMaxDockerfileBytes));
  }
  options.request.input_fd = STDIN_FILENO;
  if (options.call.call) return answer_call(options, mode, variables);
  TRY(check_files(options));
  // An id that is there afterwards is this build's, even if it failed.
  if (!options.iidfile.empty()) TRY(transfer::OutputFile::remove(options.iidfile));
  options.request.output_fd = STDOUT_FILENO;

  Progress progress(mode, STDERR_FILENO, variables);
  auto outcome = build::build(options.request, options.environment, progress.sink());
  progress.finish();
  if (!outcome) return fail(std::move(outcome).error());

  TRY(write_files(options, *outcome));
  if (options.quiet && !outcome->id().empty()) return print(outcome->id().text() + "\n");
  return 0;
}

}  // namespace

int build_command(const Invocation& invocation) {
  auto options = parse_build(invocation.args, invocation.variables, oci::host_platform());
  if (!options) return report_usage(options.error());
  if (options->help) return print(build_help());
  options->environment.cancelled = invocation.cancelled;
  const auto status = build_image(std::move(*options), invocation.variables);
  return status ? *status : report(status.error());
}

}  // namespace lichen::cli
