// The parent's side of a step's first process until its execve, at every tier; the child's is
// child_steps.h.
//
//   auto [near, far] = TRY(ChildSocket::make(plan.cwd));
//   … clone_child(flags, run_child, plan_with(far)) …
//   Received alive = TRY(near.expect(ChildMessage::kAlive));
//   TRY(near.go_on());
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "os/fd.h"
#include "sandbox/first_process.h"

namespace lichen::sandbox {

struct Received {
  ChildMessage message;
  std::deque<os::UniqueFd> fds;
};

class ChildSocket {
 public:
  // And the child's end. `cwd` is where the child goes, for errors.
  static Result<std::pair<ChildSocket, os::UniqueFd>> make(std::string cwd);
  ChildSocket() = default;  // of nobody

  Result<std::optional<Received>> receive() const;  // nullopt: the child is gone
  // Fails with what the child says, or when it is gone.
  Result<Received> expect(ChildMessage::Kind kind) const;
  Result<void> go_on() const;  // the byte that it waits for

 private:
  ChildSocket(os::UniqueFd fd, std::string cwd) : fd_(std::move(fd)), cwd_(std::move(cwd)) {}
  os::UniqueFd fd_;
  std::string cwd_;
};

// A duplicate that the child's arrange() leaves alone.
Result<os::UniqueFd> out_of_the_way(const os::UniqueFd& fd);

// -1: errno says why. The child starts with all signals blocked: a handler of ours must not run in
// it.
template <class Plan>
pid_t clone_child(unsigned long flags, void (*run_child)(const Plan&), const Plan& plan) {
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

}  // namespace lichen::sandbox
