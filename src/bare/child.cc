// What this file may import is listed in tools/check_child_symbols.py: async-signal-safe names
// only.
#include "bare/child.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lichen::bare {

namespace {

using sandbox::kNotExecutable;

// Where the child keeps them.
constexpr int kSocket = 3, kDirectory = 4, kNotifyRules = 5, kTraceRules = 6;

void send(ChildMessage message, int fd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  std::memset(control, 0, sizeof control);
  iovec part{&message, sizeof message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  // A parent that is gone cannot be told; its death also ends us.
  if (::syscall(SYS_sendmsg, kSocket, &header, MSG_NOSIGNAL) < 0) ::_exit(kNotExecutable);
}

[[noreturn]] void give_up(ChildStep step, int os_errno) {
  send({ChildMessage::kFailed, step, os_errno}, -1);
  ::_exit(kNotExecutable);
}

template <class T>
T check(ChildStep step, T rc) {
  if (rc < 0) give_up(step, errno);
  return rc;
}

// Waits for the parent's next byte. Its end of the socket closes when it dies.
void await() {
  char byte = 0;
  long count = -1;
  do count = ::syscall(SYS_read, kSocket, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) ::_exit(kNotExecutable);
}

struct Move {
  int from, to;
};

void arrange_descriptors(const ChildPlan& plan) {
  // Until the socket is in place there is nobody to tell.
  if (::dup3(plan.socket, kSocket, O_CLOEXEC) < 0) ::_exit(kNotExecutable);
  check(ChildStep::kPrepare, ::dup3(plan.in, 0, 0));
  check(ChildStep::kPrepare, ::dup3(plan.out, 1, 0));
  check(ChildStep::kPrepare, ::dup3(plan.err, 2, 0));
  check(ChildStep::kPrepare, ::dup3(plan.directory, kDirectory, O_CLOEXEC));
  const Move moves[] = {{plan.notify_rules, kNotifyRules}, {plan.trace_rules, kTraceRules}};
  for (const auto& [from, to] : moves) {
    ::close(to);
    if (from >= 0) check(ChildStep::kPrepare, ::dup3(from, to, O_CLOEXEC));
  }
  check(ChildStep::kPrepare, ::syscall(SYS_close_range, kTraceRules + 1, ~0u, 0));
}

long install(const ChildProgram& program, unsigned flags) {
  const sock_fprog fprog{program.length, const_cast<sock_filter*>(program.filter)};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog);
}

// The listener, or -1: there can be none, and everything stops by ptrace.
int install_filter(const ChildPlan& plan) {
  if (plan.notify.length > 0) {
    long rc = install(plan.notify,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (rc < 0 && errno == EINVAL)  // Linux < 5.19
      rc = install(plan.notify, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (rc >= 0) return static_cast<int>(rc);
    if (plan.trace.length == 0) give_up(ChildStep::kFilter, errno);
  }
  check(ChildStep::kFilter, install(plan.trace, 0));
  return -1;
}

}  // namespace

void run_child(const ChildPlan& plan) {
  arrange_descriptors(plan);
  sandbox::reset_signals();
  // The parent is not dumpable: it must be allowed to trace us, and to read our memory.
  check(ChildStep::kPrepare, ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  send({ChildMessage::kAlive, ChildStep::kPrepare, 0}, -1);
  await();
  ::setsid();
  if (plan.terminal) check(ChildStep::kTerminal, ::ioctl(0, TIOCSCTTY, 0));
  ::umask(022);
  check(ChildStep::kDirectory, ::fchdir(kDirectory));
  ::close(kDirectory);
  check(ChildStep::kPrepare, ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const int listener = install_filter(plan);
  const bool notifies = listener >= 0;
  if ((notifies ? plan.notify_rules : plan.trace_rules) >= 0) {
    const int rules = notifies ? kNotifyRules : kTraceRules;
    check(ChildStep::kLandlock, ::syscall(SYS_landlock_restrict_self, rules, 0));
  }
  ::close(kNotifyRules);
  ::close(kTraceRules);
  send({ChildMessage::kPrepared, ChildStep::kFilter, 0}, listener);
  if (listener >= 0) ::close(listener);
  await();
  sandbox::execute(plan.program);
}

}  // namespace lichen::bare
