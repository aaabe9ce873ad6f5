// The end of what a child does between fork and execve: the same at every tier. Inline, and only
// async-signal-safe: see child.h.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lichen::sandbox {

inline constexpr int kNotFound = 127, kNotExecutable = 126;  // as shells and docker say it

struct Program {
  const char* name = nullptr;               // as the user wrote it
  const char* const* candidates = nullptr;  // paths to try in order; null at the end
  char* const* argv = nullptr;
  char* const* env = nullptr;
};

inline void reset_signals() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < 65; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
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
