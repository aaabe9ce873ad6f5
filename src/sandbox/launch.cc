#include "sandbox/launch.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "base/text.h"
#include "os/file.h"
#include "sandbox/child.h"
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/mounts.h"

namespace lichen::sandbox {

namespace {

constexpr int kDefaultCapabilities[] = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,      CAP_FOWNER,           CAP_MKNOD,
    CAP_NET_RAW, CAP_SETGID,       CAP_SETUID,      CAP_SETFCAP,          CAP_SETPCAP,
    CAP_KILL,    CAP_SYS_CHROOT,   CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE,
};

struct StepText {
  ChildStep step;
  const char* what;
  const char* hint;
};
constexpr StepText kStepTexts[] = {
    {ChildStep::kSupervision, "set up the container's first process", ""},
    {ChildStep::kChildren, "list the step's processes",
     "without a pid namespace lichen needs /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)"},
    {ChildStep::kLoopback, "bring up the loopback interface", ""},
    {ChildStep::kHostname, "set the host name", ""},
    {ChildStep::kProc, "mount /proc",
     "the host masks its own /proc (it is a container itself?), so the kernel refuses a new one; "
     "`lichen doctor` says more"},
    {ChildStep::kSysfs, "mount /sys", "the host masks its own /sys: use the host's network"},
    {ChildStep::kMqueue, "mount /dev/mqueue", ""},
    {ChildStep::kFork, "fork the command", ""},
    {ChildStep::kTerminal, "take the terminal", "standard input must be a pty of this container"},
    {ChildStep::kDirectory, "enter the working directory", ""},
    {ChildStep::kCapabilities, "reduce capabilities", ""},
    {ChildStep::kIdentity, "become the step's user",
     "the user, group or a supplementary group is not in the map of ids"},
    {ChildStep::kFilter, "install the seccomp filter",
     "the kernel or the outer container refuses seccomp user notification"},
    {ChildStep::kLandlock, "restrict itself by Landlock", ""},
    {ChildStep::kSend, "pass a descriptor", ""},
};

Error step_error(const ChildMessage& message, const Plan& plan) {
  for (const StepText& text : kStepTexts) {
    if (text.step != message.step) continue;
    const bool names_directory = message.step == ChildStep::kDirectory;
    Error error = os_error(message.value, text.what, names_directory ? plan.cwd : "");
    if (*text.hint != '\0') error.hint = text.hint;
    return error;
  }
  return os_error(message.value, "start the container", "");
}

Error gone() {
  return Error{.code = Errc::kUnavailable,
               .message = "the container's first process was killed before the command started"};
}

struct Received {
  ChildMessage message;
  std::deque<os::UniqueFd> fds;
};

// nullopt: the other end is closed.
Result<std::optional<Received>> receive(const os::UniqueFd& socket) {
  Received received;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)] = {};
  iovec part{&received.message, sizeof received.message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t count = -1;
  do count = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  // ECONNRESET: it was killed with our byte unread.
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return std::nullopt;
  if (count < 0) return fail(os_error("receive", "from the container"));
  LICHEN_ASSERT(count == sizeof received.message);
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr;
       rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t fds = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < fds; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof(int), sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  return received;
}

Result<Received> expect(const os::UniqueFd& socket, ChildMessage::Kind kind, const Plan& plan) {
  auto received = TRY(receive(socket));
  if (!received) return fail(gone());
  if (received->message.kind == ChildMessage::kFailed)
    return fail(step_error(received->message, plan));
  LICHEN_ASSERT(received->message.kind == kind);
  return std::move(*received);
}

Result<void> go_on(const os::UniqueFd& socket) {
  if (::send(socket.get(), "g", 1, MSG_NOSIGNAL) != 1) return fail(gone());
  return {};
}

// The kernel refuses a new proc or sysfs with weaker flags than the one it sees already.
std::uint32_t locked_attributes(const char* path) {
  struct statvfs status {};
  if (::statvfs(path, &status) < 0) return 0;
  std::uint32_t attributes = 0;
  if ((status.f_flag & ST_RDONLY) != 0) attributes |= MOUNT_ATTR_RDONLY;
  if ((status.f_flag & ST_NOATIME) != 0)
    attributes |= MOUNT_ATTR_NOATIME;
  else if ((status.f_flag & ST_RELATIME) == 0)
    attributes |= MOUNT_ATTR_STRICTATIME;
  if ((status.f_flag & ST_NODIRATIME) != 0) attributes |= MOUNT_ATTR_NODIRATIME;
  return attributes;
}

std::string value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& entry : env)
    if (starts_with(entry, name) && entry.size() > name.size() && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return "";
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

Result<void> validate(const Plan& plan) {
  if (plan.argv.empty()) return fail(Errc::kInvalid, "no command was given");
  if (!starts_with(plan.cwd, "/"))
    return fail(Errc::kInvalid, "the working directory must be absolute: " + plan.cwd);
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (std::any_of(plan.argv.begin(), plan.argv.end(), has_nul) ||
      std::any_of(plan.env.begin(), plan.env.end(), has_nul))
    return fail(Errc::kInvalid, "a zero byte in the command or its environment");
  return {};
}

// Everything that run_child reads, with the storage behind it. Not movable: it points into itself.
class Prepared {
 public:
  explicit Prepared(const Plan& plan)
      : candidates_(candidates_of(plan.argv[0], plan.env)),
        candidate_pointers_(pointers(candidates_)),
        argv_(pointers(plan.argv)),
        env_(pointers(plan.env)),
        filter_(make_filter({.notify = plan.notify, .answer_sync = plan.answer_sync})) {
    child.own_pid = plan.own_pid;
    child.own_network = plan.own_network;
    child.terminal = plan.terminal;
    child.hostname = plan.hostname.c_str();
    child.hostname_length = plan.hostname.size();
    for (const Step& step : plan.steps) {
      if (!needs_fresh_mount(step)) continue;
      child.proc = child.proc || std::holds_alternative<Proc>(step);
      child.sysfs = child.sysfs || std::holds_alternative<Sysfs>(step);
      child.mqueue = child.mqueue || std::holds_alternative<Mqueue>(step);
    }
    if (child.proc) child.proc_attributes = locked_attributes("/proc");
    if (child.sysfs) child.sysfs_attributes = locked_attributes("/sys");
    child.cwd = plan.cwd.c_str();
    child.bounding = plan.root_capabilities ? default_capabilities() : 0;
    child.set_ids = plan.set_ids;
    child.uid = plan.uid;
    child.gid = plan.gid;
    child.groups = plan.groups.data();
    child.group_count = plan.groups.size();
    child.filter = filter_.data();
    LICHEN_ASSERT(filter_.size() <= BPF_MAXINSNS);
    child.filter_length = static_cast<std::uint16_t>(filter_.size());
    child.listen = !plan.notify.empty();
    child.name = plan.argv[0].c_str();
    child.candidates = candidate_pointers_.data();
    child.argv = argv_.data();
    child.env = env_.data();
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  ChildPlan child;

 private:
  std::vector<std::string> candidates_;
  std::vector<char*> candidate_pointers_, argv_, env_;
  std::vector<sock_filter> filter_;
};

Result<os::UniqueFd> out_of_the_way(const os::UniqueFd& fd) {
  os::UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!high.valid()) return fail(os_error("duplicate", "the step's input or output"));
  return high;
}

// One list a thread, named by the thread's id.
Result<std::vector<os::UniqueFd>> open_children_lists() {
  const os::UniqueFd tasks = TRY(os::open("/proc/self/task", O_RDONLY | O_DIRECTORY));
  std::vector<os::UniqueFd> lists;
  for (const auto& entry : TRY(os::read_directory(tasks)))
    lists.push_back(TRY(os::openat(tasks, entry.name + "/children", O_RDONLY)));
  return lists;
}

std::vector<pid_t> pids_in(const os::UniqueFd& list) {
  std::vector<pid_t> pids;
  const auto text = os::read_file(list);
  if (!text) return pids;
  for (const std::string& word : split(*text, ' '))
    if (const int pid = std::atoi(word.c_str()); pid > 0) pids.push_back(pid);
  return pids;
}

// The child starts with all signals blocked: a handler of ours must not run in it.
pid_t clone_child(unsigned long flags, const ChildPlan& plan) {
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  const long pid = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) run_child(plan);
  const int os_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = os_errno;
  return static_cast<pid_t>(pid);
}

Result<os::Child> clone_init(const Plan& plan, const ChildPlan& child) {
  unsigned long flags = CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.own_pid) flags |= CLONE_NEWPID;
  if (plan.own_network && !plan.join_network) flags |= CLONE_NEWNET;
  pid_t pid = clone_child(flags | CLONE_NEWCGROUP, child);
  if (pid < 0) pid = clone_child(flags, child);  // a nicety; some kernels and profiles lack it
  if (pid < 0) {
    Error error = os_error("clone", "with new namespaces");
    if (error.os_errno == ENOSPC || error.os_errno == EUSERS)
      error.hint = "a limit on namespaces is reached: sysctl -a | grep 'user.max_.*_namespaces'";
    return fail(std::move(error));
  }
  return os::Child::adopt(pid);
}

Result<FreshMounts> receive_fresh(const os::UniqueFd& socket, const Plan& plan,
                                  const ChildPlan& child) {
  Received received = TRY(expect(socket, ChildMessage::kFresh, plan));
  FreshMounts fresh;
  for (const auto& [wanted, mount] :
       {std::pair(child.proc, &fresh.proc), std::pair(child.sysfs, &fresh.sysfs),
        std::pair(child.mqueue, &fresh.mqueue)}) {
    if (!wanted) continue;
    LICHEN_ASSERT(!received.fds.empty());
    *mount = std::move(received.fds.front());
    received.fds.pop_front();
  }
  return fresh;
}

}  // namespace

std::vector<std::string> candidates_of(const std::string& program,
                                       const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  if (program.empty()) return candidates;
  std::string path = value_of(env, "PATH");
  if (path.empty()) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& place : split(path, ':'))
    candidates.push_back((place.empty() ? "." : place) + "/" + program);
  return candidates;
}

bool can_have_proc() {
  static const bool can = [] {
    const std::uint32_t attributes = locked_attributes("/proc");
    const pid_t pid = static_cast<pid_t>(
        ::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid < 0) return false;
    if (pid == 0) {
      auto proc = FileSystem::open("proc");
      const bool made = proc && proc->create(attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                             MOUNT_ATTR_NOEXEC);
      ::_exit(made ? 0 : 1);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0;
  }();
  return can;
}

Result<void> check_listener() {
  const auto status = os::find_file("/proc/self/status");
  if (status && *status && (*status)->find("\nSeccomp:\t0") != std::string::npos) return {};
  const pid_t pid = ::fork();
  if (pid < 0) return fail(os_error("fork", "probe"));
  if (pid == 0) {
    sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    const sock_fprog program{1, &allow};
    const long rc =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    ::_exit(rc < 0 ? errno : 0);
  }
  int raw = 0;
  while (::waitpid(pid, &raw, 0) < 0 && errno == EINTR) {
  }
  const int os_errno = WIFEXITED(raw) ? WEXITSTATUS(raw) : EIO;
  if (os_errno == 0) return {};
  Error error = os_error(os_errno, "listen to", "system calls");
  error.code = Errc::kUnsupported;
  if (os_errno == EBUSY) {
    error.message = "another program answers system calls of this process already";
    error.hint =
        "lichen inside of a RUN step, or in a container with a seccomp agent, has tier "
        "bare at most";
  }
  return fail(std::move(error));
}

std::uint64_t default_capabilities() {
  std::uint64_t set = 0;
  for (const int capability : kDefaultCapabilities) set |= std::uint64_t{1} << capability;
  return set;
}

Result<Running> launch(const Plan& plan, Stdio stdio) {
  TRY(validate(plan));
  RootTree root = TRY(RootTree::open(plan.rootfs));
  Prepared prepared(plan);

  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(os_error("socketpair", ""));
  Running running;
  running.socket_ = os::UniqueFd(ends[0]);
  running.own_pid_ = plan.own_pid;
  if (!plan.own_pid) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return fail(os_error("become", "subreaper"));
    running.children_ = TRY(open_children_lists());
    for (const os::UniqueFd& list : running.children_)
      for (const pid_t pid : pids_in(list)) running.spared_.push_back(pid);
  }
  {
    const os::UniqueFd near(ends[1]);
    const os::UniqueFd socket = TRY(out_of_the_way(near)), in = TRY(out_of_the_way(stdio.in)),
                       out = TRY(out_of_the_way(stdio.out)), err = TRY(out_of_the_way(stdio.err));
    prepared.child.socket = socket.get();
    prepared.child.in = in.get();
    prepared.child.out = out.get();
    prepared.child.err = err.get();
    // No signals, and no abstract sockets, of the host: its network may be ours.
    os::UniqueFd ruleset;
    if (auto rules = TRY(make_ruleset({}))) ruleset = TRY(out_of_the_way(*rules));
    prepared.child.ruleset = ruleset.get();
    running.init = TRY(clone_init(plan, prepared.child));
  }
  os::UniqueFd terminal;
  if (plan.terminal) terminal = std::move(stdio.in);
  stdio = {};  // only the container keeps its output open now

  FreshMounts fresh = TRY(receive_fresh(running.socket_, plan, prepared.child));
  fresh.terminal = std::move(terminal);
  for (const Step& step : plan.steps) {
    auto applied = root.apply(step, fresh);
    if (!applied) return fail(std::move(applied).error().in(to_text(step)));
  }
  running.created = root.take_created();
  TRY(root.pivot());
  TRY(go_on(running.socket_));
  Received ready = TRY(expect(running.socket_, ChildMessage::kPrepared, plan));
  if (prepared.child.listen) {
    LICHEN_ASSERT(!ready.fds.empty());
    running.listener = std::move(ready.fds.front());
  }
  return running;
}

Result<void> Running::start() {
  return go_on(socket_);
}

Result<os::WaitStatus> Running::wait() {
  const auto received = TRY(receive(socket_));
  const os::WaitStatus of_init = TRY(init.wait());
  end_orphans();
  for (auto path = created.rbegin(); path != created.rend(); ++path)
    ::umount2(path->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // a plain file or directory: EINVAL
  if (!received || received->message.kind != ChildMessage::kEnded) return of_init;
  return os::wait_status(received->message.value);
}

// What the step's init left when it was killed itself.
void Running::end_orphans() {
  std::vector<int> lists;
  for (const os::UniqueFd& list : children_) lists.push_back(list.get());
  if (!lists.empty()) end_children(lists.data(), lists.size(), spared_.data(), spared_.size());
}

void Running::kill() const {
  init.kill(own_pid_ ? SIGKILL : SIGTERM);  // an init without a pid namespace ends the others
}

}  // namespace lichen::sandbox
