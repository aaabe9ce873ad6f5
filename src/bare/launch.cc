#include "bare/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bare/calls.h"
#include "bare/filter.h"
#include "os/file.h"
#include "sandbox/landlock.h"
#include "sandbox/launch.h"

namespace lichen::bare {

namespace {

struct StepText {
  ChildStep step;
  const char* what;
  const char* hint;
};
constexpr StepText kStepTexts[] = {
    {ChildStep::kPrepare, "set up the step's first process", ""},
    {ChildStep::kTerminal, "take the terminal", "standard input must be a pty of this step"},
    {ChildStep::kDirectory, "enter the working directory", ""},
    {ChildStep::kLandlock, "restrict itself by Landlock", ""},
    {ChildStep::kFilter, "install the seccomp filter", "the outer container refuses seccomp"},
};

Error step_error(const ChildMessage& message) {
  for (const StepText& text : kStepTexts) {
    if (text.step != message.step) continue;
    Error error = os_error(message.value, text.what, "");
    if (*text.hint != '\0') error.hint = text.hint;
    return error;
  }
  return os_error(message.value, "start the step", "");
}

Error gone() {
  return Error{.code = Errc::kUnavailable,
               .message = "the step's first process was killed before the command started"};
}

struct Received {
  ChildMessage message;
  os::UniqueFd fd;
};

Result<Received> receive(const os::UniqueFd& socket) {
  Received received;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{&received.message, sizeof received.message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t count = -1;
  do count = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return fail(gone());
  if (count < 0) return fail(os_error("receive", "from the step"));
  LICHEN_ASSERT(count == sizeof received.message);
  const cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    received.fd = os::UniqueFd(fd);
  }
  if (received.message.kind == ChildMessage::kFailed) {
    return fail(step_error(received.message));
  }
  return received;
}

Result<void> go_on(const os::UniqueFd& socket) {
  if (::send(socket.get(), "g", 1, MSG_NOSIGNAL) != 1) return fail(gone());
  return {};
}

Result<os::UniqueFd> out_of_the_way(const os::UniqueFd& fd) {
  os::UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!high.valid()) return fail(os_error("duplicate", "a descriptor for the step"));
  return high;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

Result<void> validate(const Options& options) {
  if (options.argv.empty()) return fail(Errc::kInvalid, "no command was given");
  if (options.cwd.empty() || options.cwd.front() != '/')
    return fail(Errc::kInvalid, "the working directory must be absolute: " + options.cwd);
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (std::any_of(options.argv.begin(), options.argv.end(), has_nul) ||
      std::any_of(options.env.begin(), options.env.end(), has_nul))
    return fail(Errc::kInvalid, "a zero byte in the command or its environment");
  return {};
}

// What the step's processes open themselves: with a listener only programs (the stub does) and
// names of sockets; in ptrace stops, whatever they open.
Result<os::UniqueFd> landlock_rules(const Model& model, const std::string& stub, bool ptrace_only) {
  sandbox::LandlockRules rules;
  rules.paths.emplace();
  const auto allow = [&](const std::string& path, bool write, bool execute) -> Result<void> {
    sandbox::PathRule rule{.write = write, .execute = execute};
    rule.fd = TRY(os::open(path, O_PATH));
    rules.paths->push_back(std::move(rule));
    return {};
  };
  for (const Mount& mount : model.tree.mounts()) {
    const bool is_disk = mount.kind == Mount::Kind::kTree || mount.kind == Mount::Kind::kOwn ||
                         (mount.kind == Mount::Kind::kHost && mount.source != "/sys");
    if (is_disk || ptrace_only) TRY(allow(mount.source, !mount.read_only, false));
  }
  // The stub, and copies of programs without a name beside it.
  TRY(allow(stub.substr(0, stub.rfind('/')), false, true));
  if (ptrace_only) {
    for (const char* device : {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}) {
      const std::string path = std::string("/dev/") + device;
      if (os::exists(path)) TRY(allow(path, true, false));
    }
  }
  auto ruleset = TRY(sandbox::make_ruleset(rules));
  if (!ruleset) return os::UniqueFd();
  return std::move(*ruleset);
}

Result<os::UniqueFd> open_directory(const Model& model, const std::string& cwd) {
  const emulate::Task nobody(model.proc, ::getpid(), 0, {});
  auto file = model.tree.open(Call{.task = nobody}, const_cast<Model&>(model), AT_FDCWD, cwd,
                              Last::kFollow);
  if (!file) return fail(os_error(file.error().number, "enter the working directory", cwd));
  return std::move(file->fd);
}

// The child starts with all signals blocked: a handler of ours must not run in it.
pid_t fork_child(const ChildPlan& plan) {
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) run_child(plan);
  const int os_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = os_errno;
  return static_cast<pid_t>(pid);
}

std::uint16_t length_of(const std::vector<sock_filter>& program) {
  return static_cast<std::uint16_t>(program.size());
}

}  // namespace

Result<Launched> Launched::fork(const Options& options, const Model& model, Stdio stdio) {
  TRY(validate(options));
  const os::UniqueFd cwd = TRY(open_directory(model, options.cwd));
  const std::uint32_t magic = model.executables.magic();
  const auto notify = make_filter(stopped_calls(), magic, false);
  const auto trace = make_filter(stopped_calls(), magic, true);
  const auto candidates = sandbox::candidates_of(options.argv[0], options.env);
  const std::vector<char*> candidate_pointers = pointers(candidates), argv = pointers(options.argv),
                           env = pointers(options.env);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(os_error("socketpair", ""));
  os::UniqueFd near(ends[0]);
  const os::UniqueFd far(ends[1]);

  ChildPlan plan;
  const os::UniqueFd socket = TRY(out_of_the_way(far)), in = TRY(out_of_the_way(stdio.in)),
                     out = TRY(out_of_the_way(stdio.out)), err = TRY(out_of_the_way(stdio.err)),
                     directory = TRY(out_of_the_way(cwd));
  os::UniqueFd notify_rules = TRY(landlock_rules(model, model.executables.stub(), false));
  os::UniqueFd trace_rules = TRY(landlock_rules(model, model.executables.stub(), true));
  if (notify_rules.valid()) notify_rules = TRY(out_of_the_way(notify_rules));
  if (trace_rules.valid()) trace_rules = TRY(out_of_the_way(trace_rules));
  plan.socket = socket.get();
  plan.in = in.get();
  plan.out = out.get();
  plan.err = err.get();
  plan.directory = directory.get();
  plan.notify_rules = notify_rules.get();
  plan.trace_rules = trace_rules.get();
  plan.terminal = options.terminal;
  if (options.backend != Backend::kPtrace) plan.notify = {notify.data(), length_of(notify)};
  if (options.backend != Backend::kNotify) plan.trace = {trace.data(), length_of(trace)};
  plan.program = {options.argv[0].c_str(), candidate_pointers.data(), argv.data(), env.data()};
  const pid_t pid = fork_child(plan);
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
  TRY(receive(socket_));
  return {};
}

Result<std::optional<os::UniqueFd>> Launched::prepare() {
  is_seized_ = true;
  TRY(go_on(socket_));
  Received ready = TRY(receive(socket_));
  if (!ready.fd.valid()) return std::nullopt;
  return std::move(ready.fd);
}

Result<void> Launched::start() {
  return go_on(socket_);
}

}  // namespace lichen::bare
