// Starts a Plan.
//
//   TRY(own_mounts());                       // in a worker process of the keeper (namespace.h)
//   TRY(mount_overlay(lower, upper, work, plan.rootfs));
//   Running running = TRY(launch(plan, std::move(stdio)));
//   … start the supervisor on running.listener …
//   TRY(running.start());                    // execve happens now
//   os::WaitStatus status = TRY(running.wait());
//
// The worker and the container share the mount namespace: after launch() the container's root is
// the worker's root too, and nothing of the host is reachable by path any more. Open what you need
// (an O_PATH descriptor of /proc, of the upper directory) before. One launch a worker.
//
// The container dies with the *thread* that called launch() (PR_SET_PDEATHSIG), and with Running.
// That holds without a pid namespace too: then init, or the worker when init was killed, is the
// subreaper of all that the step started, and ends it.
// A command that cannot be executed is an outcome, as for a shell: it says so on its standard error
// and ends with 127 (not found) or 126. Linux 5.12; with notify rules 5.14.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"
#include "sandbox/child_socket.h"
#include "sandbox/plan.h"

namespace lichen::sandbox {

struct Stdio {
  os::UniqueFd in, out, err;  // with Plan::terminal all three are the slave of one pty
};

class Running {
 public:
  os::Child init;         // its pidfd is readable when the container is gone
  os::UniqueFd command;   // a pidfd
  os::UniqueFd listener;  // valid if the Plan has notify rules: serve it before start()
  // What launch() had to make in the root file system for mounts to land on, parents first. After
  // wait() nothing is mounted there any more: who wants no trace of them removes them.
  std::vector<std::string> created;

  Result<void> start();
  // Until the command has ended and, with a pid namespace, every process of the container is dead.
  Result<os::WaitStatus> wait();
  // To `init`, ends all of it; without a pid namespace wait() has to follow.
  int end_signal() const;

 private:
  friend Result<Running> launch(const Plan& plan, Stdio stdio);
  void end_orphans();
  ChildSocket socket_;
  bool own_pid_ = true;
  std::vector<os::UniqueFd> children_;  // without a pid namespace: what our threads' children are
  std::vector<pid_t> spared_;           // children that were there before
};

Result<Running> launch(const Plan& plan, Stdio stdio);

// Whether the kernel lets a new pid namespace of ours have its own /proc. It does not where /proc
// has masks over it that this user namespace must not look behind: in containers. Such a Plan wants
// own_pid = false. Tried once a process; who forks later has the answer.
bool can_have_proc();

// Fails where a seccomp filter above us has a listener already: there can be one only.
Result<void> check_listener();

// Docker's default capabilities: what stays in the bounding set without Plan::privileged.
std::uint64_t default_capabilities();

}  // namespace lichen::sandbox
