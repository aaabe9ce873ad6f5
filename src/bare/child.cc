// What this file may import is listed in tools/check_child_symbols.py: async-signal-safe names
// only.
#include "bare/child.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/child_steps.h"

namespace lichen::bare {

namespace {

using sandbox::check;
using sandbox::ChildMessage;
using sandbox::ChildStep;

// Where the child keeps them.
constexpr int kDirectory = 4, kNotifyRules = 5, kTraceRules = 6;

struct Move {
  int from, to;
};

void arrange_descriptors(const ChildPlan& plan) {
  sandbox::arrange(plan.given);
  check(ChildStep::kSupervision, ::dup3(plan.directory, kDirectory, O_CLOEXEC));
  const Move moves[] = {{plan.notify_rules, kNotifyRules}, {plan.trace_rules, kTraceRules}};
  for (const auto& [from, to] : moves) {
    ::close(to);
    if (from >= 0) check(ChildStep::kSupervision, ::dup3(from, to, O_CLOEXEC));
  }
  check(ChildStep::kSupervision, ::syscall(SYS_close_range, kTraceRules + 1, ~0u, 0));
}

// The listener, or -1: there can be none, and everything stops by ptrace.
int install_filter(const ChildPlan& plan) {
  if (plan.notify.length > 0) {
    const long listener = sandbox::install_listener(plan.notify);
    if (listener >= 0) return static_cast<int>(listener);
    if (plan.trace.length == 0) sandbox::give_up(ChildStep::kFilter, errno);
  }
  check(ChildStep::kFilter, sandbox::install(plan.trace));
  return -1;
}

}  // namespace

void run_child(const ChildPlan& plan) {
  arrange_descriptors(plan);
  sandbox::reset_signals();
  // The parent is not dumpable: it must be allowed to trace us, and to read our memory.
  check(ChildStep::kSupervision, ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  sandbox::send({ChildMessage::kAlive});
  sandbox::await();
  ::setsid();
  if (plan.terminal) check(ChildStep::kTerminal, ::ioctl(0, TIOCSCTTY, 0));
  ::umask(022);
  check(ChildStep::kDirectory, ::fchdir(kDirectory));
  ::close(kDirectory);
  check(ChildStep::kSupervision, ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const int listener = install_filter(plan);
  const bool notifies = listener >= 0;
  if ((notifies ? plan.notify_rules : plan.trace_rules) >= 0) {
    const int rules = notifies ? kNotifyRules : kTraceRules;
    check(ChildStep::kLandlock, ::syscall(SYS_landlock_restrict_self, rules, 0));
  }
  ::close(kNotifyRules);
  ::close(kTraceRules);
  sandbox::set_limits(plan.limits);  // no descriptor is needed any more
  sandbox::send({ChildMessage::kPrepared}, &listener, notifies ? 1 : 0);
  if (notifies) ::close(listener);
  sandbox::await();
  sandbox::execute(plan.program);
}

}  // namespace lichen::bare
