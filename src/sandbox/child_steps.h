// What a step's first process does between clone(2) and execve(2), as far as it is the same at
// every tier. Inline, and only async-signal-safe: see child.h.
#pragma once

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/first_process.h"

namespace lichen::sandbox {

inline constexpr int kSocket = 3;  // where the child keeps ChildDescriptors::socket
inline constexpr int kNotFound = 127, kNotExecutable = 126;  // as shells and docker say it

inline void send(ChildMessage message, const int* fds = nullptr, std::size_t count = 0) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
  std::memset(control, 0, sizeof control);
  iovec part{&message, sizeof message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
  }
  // A parent that is gone cannot be told; its death also ends us.
  if (::syscall(SYS_sendmsg, kSocket, &header, MSG_NOSIGNAL) < 0) ::_exit(kNotExecutable);
}

[[noreturn]] inline void give_up(ChildStep step, int os_errno) {
  send({ChildMessage::kFailed, step, os_errno});
  ::_exit(kNotExecutable);
}

template <class T>
T check(ChildStep step, T rc) {
  if (rc < 0) give_up(step, errno);
  return rc;
}

// Waits for the parent's next byte. Its end of the socket closes when it dies.
inline void await() {
  char byte = 0;
  long count = -1;
  do count = ::syscall(SYS_read, kSocket, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) ::_exit(kNotExecutable);
}

inline void arrange(const ChildDescriptors& given) {
  // Until the socket is in place there is nobody to tell.
  if (::dup3(given.socket, kSocket, O_CLOEXEC) < 0) ::_exit(kNotExecutable);
  check(ChildStep::kSupervision, ::dup3(given.in, 0, 0));
  check(ChildStep::kSupervision, ::dup3(given.out, 1, 0));
  check(ChildStep::kSupervision, ::dup3(given.err, 2, 0));
}

inline void reset_signals() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < 65; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

inline void set_limits(const Limits& limits) {
  for (std::size_t i = 0; i < limits.count; ++i) {
    const os::ResourceLimit& one = limits.first[i];
    const rlimit limit{one.soft, one.hard};
    check(ChildStep::kLimits, ::setrlimit(static_cast<__rlimit_resource_t>(one.resource), &limit));
  }
}

// What seccomp(2) returns: -1, 0, or the listener.
inline long install(const Filter& filter, unsigned flags = 0) {
  const sock_fprog program{filter.length, const_cast<sock_filter*>(filter.program)};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

inline long install_listener(const Filter& filter) {
  const long listener =
      install(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (listener >= 0 || errno != EINVAL) return listener;
  return install(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);  // Linux < 5.19
}

inline void say(const char* text) {
  if (::write(2, text, std::strlen(text)) < 0) return;  // nobody reads it: the status remains
}

[[noreturn]] inline void cannot_run(const Program& program, int os_errno, bool found) {
  say("lichen: cannot run ");
  say(program.name);
  int status = kNotExecutable;
  if (os_errno == ENOENT || os_errno == ENOTDIR) {
    status = kNotFound;
    say(found ? ": the interpreter or loader that it asks for is not there\n"
              : ": executable file not found in $PATH\n");
  } else if (os_errno == EACCES || os_errno == EPERM) {
    say(": permission denied\n");
  } else if (os_errno == ENOEXEC) {
    say(": not a program for this machine (nor a script with a #! line)\n");
  } else if (os_errno == E2BIG) {
    say(": arguments and environment are too long\n");
  } else {
    say(": the kernel refused it\n");
  }
  ::_exit(status);
}

[[noreturn]] inline void execute(const Program& program) {
  int worst = ENOENT;
  bool found = false;
  for (const char* const* path = program.candidates; *path != nullptr; ++path) {
    ::syscall(SYS_execve, *path, program.argv, program.env);
    const int os_errno = errno;
    const bool absent = os_errno == ENOENT || os_errno == ENOTDIR;
    if (absent && ::access(*path, F_OK) == 0) found = true;
    if (!absent) worst = os_errno;
    if (found || (!absent && os_errno != EACCES)) break;  // EACCES: a later one may be ours
  }
  cannot_run(program, worst, found);
}

}  // namespace lichen::sandbox
