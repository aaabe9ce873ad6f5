#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/text.h"
#include "container/emulator.h"
#include "ops/exec_job.h"
#include "ops/runner.h"
#include "ops/step_mounts.h"
#include "ops/trees.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::ops {

using graph::VertexId;
using solver::ResultId;

namespace {

// Reads both of a step's outputs until every process that holds them has ended.
void pump(const os::UniqueFd& out, const os::UniqueFd& err,
          const std::function<void(bool, const std::string&)>& on_log) {
  const os::UniqueFd* ends[2] = {&out, &err};
  bool open[2] = {true, true};
  char buffer[32 * 1024];
  while (open[0] || open[1]) {
    pollfd polled[2] = {{open[0] ? out.get() : -1, POLLIN, 0},
                        {open[1] ? err.get() : -1, POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (!open[i] || polled[i].revents == 0) continue;
      const ssize_t count = ::read(ends[i]->get(), buffer, sizeof buffer);
      if (count > 0)
        on_log(i == 1, std::string(buffer, static_cast<std::size_t>(count)));
      else if (count == 0 || (errno != EINTR && errno != EAGAIN))
        open[i] = false;
    }
  }
}

bool is_full(const std::string& path) {
  constexpr std::uint64_t kFullBytes = 1u << 20;
  struct ::statvfs status {};
  return ::statvfs(path.c_str(), &status) == 0 && (status.f_bavail * status.f_frsize < kFullBytes ||
                                                   (status.f_files > 0 && status.f_favail == 0));
}

Result<void> check_security(container::Tier tier, const graph::ExecOp& exec) {
  if (!exec.insecure || tier != container::Tier::kBare) return {};
  return fail(Errc::kUnsupported, "RUN --security=insecure: tier bare has no capabilities to give",
              "it takes a host with user namespaces; `lichen doctor` says what is missing");
}

}  // namespace

std::optional<Error> step_error(const graph::ExecOp& exec, const container::RunOutcome& outcome) {
  if (outcome.exit_code == 0 && outcome.signal == 0) return std::nullopt;
  Error error{.code = Errc::kFailed};
  error.message =
      "process \"" + printable(join(exec.args, " ")) + "\" did not complete successfully: ";
  const auto add_memory = [&] {
    if (!outcome.out_of_memory) return;
    error.message += ", probably out of memory";
    error.hint = "the kernel ended a process for lack of memory while this step ran; see dmesg";
  };
  if (outcome.signal == 0) {
    error.message += "exit code: " + std::to_string(outcome.exit_code);
    if (outcome.exit_code == 127) error.hint = "127 usually means: command not found in the image";
    if (outcome.exit_code == 126) error.hint = "126 usually means: found, but not executable";
    add_memory();
    return error;
  }
  const char* name = sigabbrev_np(outcome.signal);
  error.message += "signal: " + std::to_string(outcome.signal) +
                   (name != nullptr ? std::string(" (SIG") + name + ")" : "");
  add_memory();
  return error;
}

Result<ResultId> Runner::run_exec(VertexId vertex, const graph::ExecOp& exec,
                                  const std::vector<ResultId>& inputs) {
  ResultId base = 0;
  std::vector<MountSource> sources(exec.mounts.size());
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    const graph::Mount& mount = exec.mounts[i];
    if (!mount.input) continue;
    if (const graph::SourceOp* context = find_context(vertex, mount.input))
      sources[i].directory = TRY(context_directory(*context));
    else
      sources[i].snapshot = inputs.at(*mount.input);
    if (mount.output) base = sources[i].snapshot;
  }
  const auto& platform = graph_.vertices[vertex].platform;
  const std::string architecture =
      platform ? TRY(container::foreign_architecture(*platform)) : std::string();
  EmptiedCaches* const emptied = graph_.metadata[vertex].ignore_cache ? emptied_.get() : nullptr;
  std::optional<std::string> left;  // the sidecar of a step that failed
  return make_snapshot(
      vertex, base,
      [&](std::int64_t id, const Stack& below) -> Result<std::string> {
        const store::Store& store = services_.store;
        TRY(check_network(services_.tier, exec.network));
        TRY(check_security(services_.tier, exec));
        StepMounts mounts = TRY(StepMounts::make(services_, exec, sources, emptied));
        const bool is_bare = services_.tier == container::Tier::kBare;
        const Trees::Lease tree = TRY(is_bare ? trees_->take() : Trees::Lease());
        ExecJob plan = TRY(ExecJob::make(services_, exec, below, id, mounts, architecture));
        if (is_bare) plan.job.overlay.target = tree.path();
        container::RunOutcome outcome = TRY(run_command(vertex, plan.job));
        if (services_.on_peak) services_.on_peak(vertex, outcome.peak_bytes);
        TRY(mounts.keep(outcome));
        if (auto failed = step_error(exec, outcome)) {
          // Asked while the step's files are still there. Programs often say no more than "I/O
          // error".
          if (is_full(store.path()))
            failed->hint =
                "the file system of the store is full: free some space, or move the store with "
                "--root DIR or LICHEN_ROOT";
          else
            left = std::move(outcome.sidecar);
          return fail(std::move(*failed));
        }
        return std::move(outcome.sidecar);
      },
      &left);
}

// Its output goes to on_log as it comes.
Result<container::RunOutcome> Runner::run_command(VertexId vertex, const container::RunJob& job) {
  const os::UniqueFd nothing = TRY(os::open("/dev/null", O_RDONLY));
  auto out = TRY(os::pipe());
  auto err = TRY(os::pipe());
  std::jthread reader([&] {
    pump(out.first, err.first, [&](bool is_stderr, const std::string& text) {
      services_.on_log(vertex, is_stderr, text);
    });
  });
  auto outcome = services_.jobs.call<container::RunOutcome>(
      job, {nothing.get(), out.second.get(), err.second.get()});
  out.second.reset();  // the worker has its own; the reader ends when the last writer has
  err.second.reset();
  reader.join();
  return outcome;
}

}  // namespace lichen::ops
