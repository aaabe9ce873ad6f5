#include "sandbox/launch.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "os/file.h"
#include "sandbox/child.h"
#include "sandbox/child_socket.h"
#include "sandbox/command.h"
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

// Everything that run_child reads, with the storage behind it. Not movable: it points into itself.
class Prepared {
 public:
  Prepared(const Plan& plan, Command command)
      : command_(std::move(command)),
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
    child.bounding = plan.privileged ? ~std::uint64_t{0} : default_capabilities();
    child.set_ids = plan.set_ids;
    child.uid = plan.uid;
    child.gid = plan.gid;
    child.groups = plan.groups.data();
    child.group_count = plan.groups.size();
    child.limits = {plan.limits.data(), plan.limits.size()};
    LICHEN_ASSERT(filter_.size() <= BPF_MAXINSNS);
    child.filter = {filter_.data(), static_cast<std::uint16_t>(filter_.size())};
    child.listen = !plan.notify.empty();
    child.program = command_.program();
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  ChildPlan child;

 private:
  Command command_;
  std::vector<sock_filter> filter_;
};

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

Result<os::Child> clone_init(const Plan& plan, const ChildPlan& child) {
  unsigned long flags = CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.own_pid) flags |= CLONE_NEWPID;
  if (plan.own_network && !plan.join_network) flags |= CLONE_NEWNET;
  pid_t pid = clone_child(flags | CLONE_NEWCGROUP, run_child, child);
  if (pid < 0)
    pid = clone_child(flags, run_child, child);  // a nicety; some kernels and profiles lack it
  if (pid < 0) {
    Error error = os_error("clone", "with new namespaces");
    if (error.os_errno == ENOSPC || error.os_errno == EUSERS)
      error.hint = "a limit on namespaces is reached: sysctl -a | grep 'user.max_.*_namespaces'";
    return fail(std::move(error));
  }
  return os::Child::adopt(pid);
}

Result<FreshMounts> receive_fresh(const ChildSocket& socket, const ChildPlan& child) {
  Received received = TRY(socket.expect(ChildMessage::kAlive));
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
  Command command = TRY(Command::make(plan.argv, plan.env, plan.cwd));
  RootTree root = TRY(RootTree::open(plan.rootfs));
  Prepared prepared(plan, std::move(command));

  auto [near, far] = TRY(ChildSocket::make(plan.cwd));
  Running running;
  running.socket_ = std::move(near);
  running.own_pid_ = plan.own_pid;
  if (!plan.own_pid) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return fail(os_error("become", "subreaper"));
    running.children_ = TRY(open_children_lists());
    for (const os::UniqueFd& list : running.children_)
      for (const pid_t pid : pids_in(list)) running.spared_.push_back(pid);
  }
  {
    const os::UniqueFd socket = TRY(out_of_the_way(std::exchange(far, {}))),
                       in = TRY(out_of_the_way(stdio.in)), out = TRY(out_of_the_way(stdio.out)),
                       err = TRY(out_of_the_way(stdio.err));
    prepared.child.given = {socket.get(), in.get(), out.get(), err.get()};
    // No signals, and no abstract sockets, of the host: its network may be ours.
    os::UniqueFd ruleset;
    if (auto rules = TRY(make_ruleset({}))) ruleset = TRY(out_of_the_way(*rules));
    prepared.child.ruleset = ruleset.get();
    running.init = TRY(clone_init(plan, prepared.child));
  }
  os::UniqueFd terminal;
  if (plan.terminal) terminal = std::move(stdio.in);
  stdio = {};  // only the container keeps its output open now

  FreshMounts fresh = TRY(receive_fresh(running.socket_, prepared.child));
  fresh.terminal = std::move(terminal);
  for (const Step& step : plan.steps) {
    auto applied = root.apply(step, fresh);
    if (!applied) return fail(std::move(applied).error().in(to_text(step)));
  }
  running.created = root.take_created();
  TRY(root.pivot());
  TRY(running.socket_.go_on());
  Received ready = TRY(running.socket_.expect(ChildMessage::kPrepared));
  LICHEN_ASSERT(ready.fds.size() == (prepared.child.listen ? 2 : 1));
  running.command = std::move(ready.fds.front());
  if (prepared.child.listen) running.listener = std::move(ready.fds.back());
  return running;
}

Result<void> Running::start() {
  return socket_.go_on();
}

Result<os::WaitStatus> Running::wait() {
  const auto received = TRY(socket_.receive());
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

int Running::end_signal() const {
  return own_pid_ ? SIGKILL : SIGTERM;  // an init without a pid namespace ends the others
}

}  // namespace lichen::sandbox
