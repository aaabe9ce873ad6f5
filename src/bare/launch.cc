#include "bare/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "bare/calls.h"
#include "bare/filter.h"
#include "bare/path.h"
#include "os/file.h"
#include "sandbox/command.h"
#include "sandbox/landlock.h"

namespace lichen::bare {

namespace {

// What the step's processes open themselves: with a listener only programs (the stub does) and
// names of sockets; in ptrace stops, whatever they open. Not valid: no Landlock here.
Result<os::UniqueFd> landlock_rules(const Model& model, bool ptrace_only) {
  sandbox::LandlockRules rules;
  rules.paths.emplace();
  const auto allow = [&](const std::string& path, sandbox::PathRule rule) -> Result<void> {
    rule.fd = TRY(os::open(path, O_PATH));
    rules.paths->push_back(std::move(rule));
    return {};
  };
  for (const Mount& mount : model.tree.mounts()) {
    const bool is_disk =
        mount.keeps_records() || (mount.kind == Mount::Kind::kHost && mount.source != "/sys");
    if (!is_disk && !ptrace_only) continue;
    // The supervisor opens files for writing: what is in the tree may be a layer's, too.
    const bool write = !mount.read_only && (ptrace_only || !mount.keeps_records());
    TRY(allow(mount.source, {.write = write, .bind = !mount.read_only}));
  }
  TRY(allow(model.fifos.directory(), {.write = true}));
  // The stub, and copies of programs without a name beside it.
  TRY(allow(std::string(parent_of(model.executables.stub())), {.execute = true}));
  for (const Emulator& emulator : model.executables.emulators()) TRY(allow(emulator.program, {}));
  if (ptrace_only) {
    for (const char* device : {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}) {
      const std::string path = std::string("/dev/") + device;
      if (os::exists(path)) TRY(allow(path, {.write = true}));
    }
  }
  auto ruleset = TRY(sandbox::make_ruleset(rules));
  if (!ruleset) return os::UniqueFd();
  return sandbox::out_of_the_way(*ruleset);
}

Result<os::UniqueFd> open_directory(const Model& model, const std::string& cwd) {
  const emulate::Task nobody(model.proc, ::getpid(), 0, {});
  auto file = model.tree.open(Call{.task = nobody}, const_cast<Model&>(model), AT_FDCWD, cwd,
                              Last::kFollow);
  if (!file) return fail(os_error(file.error().number, "enter the working directory", cwd));
  return std::move(file->fd);
}

sandbox::Filter as_filter(const std::vector<sock_filter>& program) {
  return {program.data(), static_cast<std::uint16_t>(program.size())};
}

}  // namespace

Result<Launched> Launched::fork(const Options& options, const Model& model, Stdio stdio) {
  const auto command = TRY(sandbox::Command::make(options.argv, options.env, options.cwd));
  const os::UniqueFd cwd = TRY(open_directory(model, options.cwd));
  const std::uint32_t magic = model.executables.magic();
  const auto notify = make_filter(stopped_calls(), magic, false);
  const auto trace = make_filter(stopped_calls(), magic, true);
  auto [near, far] = TRY(sandbox::ChildSocket::make(options.cwd));

  ChildPlan plan;
  const os::UniqueFd socket = TRY(sandbox::out_of_the_way(far)),
                     in = TRY(sandbox::out_of_the_way(stdio.in)),
                     out = TRY(sandbox::out_of_the_way(stdio.out)),
                     err = TRY(sandbox::out_of_the_way(stdio.err)),
                     directory = TRY(sandbox::out_of_the_way(cwd)),
                     notify_rules = TRY(landlock_rules(model, false)),
                     trace_rules = TRY(landlock_rules(model, true));
  plan.given = {socket.get(), in.get(), out.get(), err.get()};
  plan.directory = directory.get();
  plan.notify_rules = notify_rules.get();
  plan.trace_rules = trace_rules.get();
  plan.terminal = options.terminal;
  if (options.backend != Backend::kPtrace) plan.notify = as_filter(notify);
  if (options.backend != Backend::kNotify) plan.trace = as_filter(trace);
  plan.limits = {options.limits.data(), options.limits.size()};
  plan.program = command.program();
  const pid_t pid = sandbox::clone_child(0, run_child, plan);
  if (pid < 0) return fail(os_error("fork", "the step's first process"));
  return Launched(pid, std::move(near));
}

Launched::Launched(Launched&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      socket_(std::move(other.socket_)),
      is_seized_(other.is_seized_) {}

Launched::~Launched() {
  if (pid_ < 0 || is_seized_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> Launched::await_alive() {
  TRY(socket_.expect(sandbox::ChildMessage::kAlive));
  return {};
}

Result<std::optional<os::UniqueFd>> Launched::prepare() {
  is_seized_ = true;
  TRY(socket_.go_on());
  sandbox::Received ready = TRY(socket_.expect(sandbox::ChildMessage::kPrepared));
  if (ready.fds.empty()) return std::nullopt;
  return std::move(ready.fds.front());
}

Result<void> Launched::start() {
  return socket_.go_on();
}

}  // namespace lichen::bare
