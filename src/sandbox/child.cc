// What this file may import is listed in tools/check_child_symbols.py: async-signal-safe names
// only.
#include "sandbox/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/child_steps.h"

namespace lichen::sandbox {

namespace {

constexpr int kRuleset = 4;                 // where the child keeps a Landlock ruleset
constexpr std::size_t kSignalSetBytes = 8;  // the kernel's sigset_t

void arrange_descriptors(const ChildPlan& plan) {
  arrange(plan.given);
  if (plan.ruleset >= 0) check(ChildStep::kSupervision, ::dup3(plan.ruleset, kRuleset, O_CLOEXEC));
  check(ChildStep::kSupervision,
        ::syscall(SYS_close_range, plan.ruleset >= 0 ? kRuleset + 1 : kRuleset, ~0u, 0));
}

void bring_up_loopback() {
  const int fd = static_cast<int>(
      check(ChildStep::kLoopback, ::syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ifreq request;
  std::memset(&request, 0, sizeof request);
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(ChildStep::kLoopback, ::ioctl(fd, SIOCSIFFLAGS, &request));
  ::close(fd);
}

int make_mount(ChildStep step, const char* type, std::uint32_t attributes) {
  const long context = check(step, ::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
  check(step, ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  const long mount = check(step, ::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
  ::close(static_cast<int>(context));
  return static_cast<int>(mount);
}

void send_fresh_mounts(const ChildPlan& plan) {
  constexpr std::uint32_t kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  int fds[kMaxMessageFds];
  std::size_t count = 0;
  if (plan.proc)
    fds[count++] = make_mount(ChildStep::kProc, "proc", kHarmless | plan.proc_attributes);
  if (plan.sysfs)
    fds[count++] = make_mount(ChildStep::kSysfs, "sysfs",
                              kHarmless | MOUNT_ATTR_RDONLY | plan.sysfs_attributes);
  if (plan.mqueue) fds[count++] = make_mount(ChildStep::kMqueue, "mqueue", kHarmless);
  send({ChildMessage::kAlive, ChildStep::kSend, 0}, fds, count);
  for (std::size_t i = 0; i < count; ++i) ::close(fds[i]);
}

void reduce_bounding_set(std::uint64_t keep) {
  for (int capability = 0; capability < 64; ++capability) {
    if ((keep & (1ull << capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) return;  // beyond the last one of this kernel
      give_up(ChildStep::kCapabilities, errno);
    }
  }
}

// Raw calls: glibc's would try to tell the threads that this copy of a process does not have.
void set_identity(const ChildPlan& plan) {
  check(ChildStep::kIdentity, ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  check(ChildStep::kIdentity, ::syscall(SYS_setgroups, plan.group_count, plan.groups));
  check(ChildStep::kIdentity, ::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid));
  check(ChildStep::kIdentity, ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid));
}

enum class Effective { kAll, kNone };

// What is inheritable would outlive execve.
void set_capabilities(Effective effective) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  check(ChildStep::kCapabilities, ::syscall(SYS_capget, &header, data));
  for (__user_cap_data_struct& half : data) {
    half.inheritable = 0;
    if (effective == Effective::kNone) half.permitted = 0;
    half.effective = half.permitted;
  }
  check(ChildStep::kCapabilities, ::syscall(SYS_capset, &header, data));
}

// Without no_new_privs (setuid programs must work), which takes CAP_SYS_ADMIN: hence before
// capabilities go. Returns the listener or -1.
int install_filter(const ChildPlan& plan) {
  const long rc = plan.listen ? install_listener(plan.filter) : install(plan.filter);
  check(ChildStep::kFilter, rc);
  return plan.listen ? static_cast<int>(rc) : -1;
}

[[noreturn]] void run_command(const ChildPlan& plan) {
  reset_signals();
  ::setsid();
  if (plan.terminal) check(ChildStep::kTerminal, ::ioctl(0, TIOCSCTTY, 0));
  ::umask(022);
  check(ChildStep::kDirectory, ::chdir(plan.cwd));
  // While we may: it takes CAP_SYS_ADMIN, or no_new_privs, which a step does not get.
  if (plan.ruleset >= 0) {
    check(ChildStep::kLandlock, ::syscall(SYS_landlock_restrict_self, kRuleset, 0));
    ::close(kRuleset);
  }
  reduce_bounding_set(plan.bounding);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (plan.set_ids) set_identity(plan);
  set_capabilities(Effective::kAll);
  // The first is for signals to the command, which no number that was used again can lead astray.
  int fds[2];
  fds[0] = static_cast<int>(
      check(ChildStep::kSupervision, ::syscall(SYS_pidfd_open, ::syscall(SYS_getpid), 0)));
  fds[1] = install_filter(plan);
  // In a pid namespace the end of init is the end of everything.
  if (!plan.own_pid) ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The supervisor reads execve's arguments out of this process.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  set_limits(plan.limits);  // no descriptor is needed any more
  send({ChildMessage::kPrepared, ChildStep::kSend, 0}, fds, plan.listen ? 2 : 1);
  for (const int fd : fds) ::close(fd);  // the second may be -1
  // Else execve's permission check would still be root's.
  if (plan.set_ids && plan.uid != 0) set_capabilities(Effective::kNone);
  await();
  execute(plan.program);
}

bool is_among(const pid_t* pids, std::size_t count, pid_t pid) {
  for (std::size_t i = 0; i < count; ++i)
    if (pids[i] == pid) return true;
  return false;
}

// Kills what a children file lists; true if it lists anything that is not spared. Its pids are of
// children that nobody has reaped, so none of them can be another process by now.
bool kill_listed(int list, const pid_t* spared, std::size_t spared_count) {
  char text[4096];
  const long count = ::syscall(SYS_pread64, list, text, sizeof text, 0);
  bool any = false;
  pid_t pid = 0;
  for (long i = 0; i < count; ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      pid = pid * 10 + (text[i] - '0');
      continue;
    }
    if (pid > 0 && !is_among(spared, spared_count, pid)) {
      any = true;
      ::kill(pid, SIGKILL);
      int status = 0;
      ::wait4(pid, &status, WNOHANG | __WALL, nullptr);
    }
    pid = 0;
  }
  return any;
}

// Waits for a child to end, or for SIGTERM: the supervisor's death. True: SIGTERM.
bool await_child_or_term(const sigset_t& both) {
  long signal = -1;
  do signal = ::syscall(SYS_rt_sigtimedwait, &both, nullptr, nullptr, kSignalSetBytes);
  while (signal < 0 && errno == EINTR);
  return signal == SIGTERM;
}

// As run_init below, where our own end takes nobody along.
[[noreturn]] void run_subreaper(pid_t command, int list, const sigset_t& both) {
  int status = SIGKILL;
  for (bool ended = false; !ended;) {
    if (await_child_or_term(both)) break;
    for (;;) {
      int one = 0;
      const pid_t pid = ::wait4(-1, &one, WNOHANG | __WALL, nullptr);
      if (pid <= 0) break;
      if (pid != command) continue;
      status = one;
      ended = true;
    }
  }
  end_children(&list, 1, nullptr, 0);
  send({ChildMessage::kEnded, ChildStep::kSend, status});
  ::_exit(0);
}

// Reaps whatever is orphaned until the command ends; our own end takes the rest along.
[[noreturn]] void run_init(pid_t command) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::wait4(-1, &status, 0, nullptr);
    if (ended < 0 && errno == EINTR) continue;
    if (ended >= 0 && ended != command) continue;
    if (ended < 0) give_up(ChildStep::kFork, errno);
    send({ChildMessage::kEnded, ChildStep::kSend, status});
    ::_exit(0);
  }
}

}  // namespace

void end_children(const int* lists, std::size_t list_count, const pid_t* spared,
                  std::size_t spared_count) {
  for (;;) {
    bool any = false;
    for (std::size_t i = 0; i < list_count; ++i)
      any = kill_listed(lists[i], spared, spared_count) || any;
    if (any) {
      ::syscall(SYS_sched_yield);
      continue;
    }
    // A list can miss who is on the way to us. Where nobody is spared the kernel is asked too.
    int status = 0;
    if (spared_count > 0 || ::wait4(-1, &status, WNOHANG | __WALL, nullptr) < 0) return;
    ::poll(nullptr, 0, 1);
  }
}

void run_child(const ChildPlan& plan) {
  arrange_descriptors(plan);
  // Without a pid namespace our end would take nobody along, so we have to be told.
  check(ChildStep::kSupervision,
        ::prctl(PR_SET_PDEATHSIG, plan.own_pid ? SIGKILL : SIGTERM, 0, 0, 0));
  // The container must not read the memory we were copied from.
  check(ChildStep::kSupervision, ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  ::prctl(PR_SET_NAME, "lichen-init", 0, 0, 0);
  int children = -1;
  if (!plan.own_pid) {
    check(ChildStep::kSupervision, ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    children =
        check(ChildStep::kChildren, ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  }
  reset_signals();
  ::setsid();
  if (plan.own_network) bring_up_loopback();
  check(ChildStep::kHostname, ::sethostname(plan.hostname, plan.hostname_length));
  send_fresh_mounts(plan);
  // Keys of the caller stay out of reach. Kernels without keys, or with a full quota, have none.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  await();
  sigset_t both;
  ::sigemptyset(&both);
  ::sigaddset(&both, SIGCHLD);
  ::sigaddset(&both, SIGTERM);
  if (!plan.own_pid) ::sigprocmask(SIG_BLOCK, &both, nullptr);
  const pid_t command = static_cast<pid_t>(
      check(ChildStep::kFork, ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)));
  if (command == 0) run_command(plan);
  // The step's output ends when its own processes close it.
  ::syscall(SYS_close_range, 0, 2, 0);
  if (!plan.own_pid) run_subreaper(command, children, both);
  run_init(command);
}

}  // namespace lichen::sandbox
