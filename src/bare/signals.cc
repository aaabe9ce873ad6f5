// Calls that reach other processes: those of the step alone, for the kernel would let it reach all
// of our user's. What is allowed runs natively, so that the right sender is told.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "bare/model.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr int kIoprioProcess = 1, kIoprioGroup = 2;  // IOPRIO_WHO_*; 3: all of a user's

// An ended process of the step that its parent has not waited for.
bool is_our_zombie(const Model& model, pid_t pid) {
  const auto text = os::read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return false;
  const std::size_t at = text->rfind(')');  // pid (name) state parent …
  if (at == text->npos || text->size() < at + 5) return false;
  const std::string_view rest = std::string_view(*text).substr(at + 2);
  if (rest[0] != 'Z') return false;
  return model.processes.has(std::atoi(rest.data() + 2));
}

bool is_ours(const Model& model, pid_t pid) {
  return model.processes.has(pid) || is_our_zombie(model, pid);
}

// Only its members can make a process join a group, so one of ours means that all are.
bool is_our_group(const Model& model, pid_t group) {
  const std::vector<pid_t> all = model.processes.all();
  return std::any_of(all.begin(), all.end(), [&](pid_t tid) { return ::getpgid(tid) == group; });
}

bool may_signal(const Call& call, const Model& model, pid_t target, int signal) {
  const auto sender = model.credentials(call);
  if (sender->capable(CAP_KILL)) return true;
  const auto receiver = model.root.credentials.of(target);
  for (const std::uint32_t id : {sender->uid.real, sender->uid.effective}) {
    if (id == receiver->uid.real || id == receiver->uid.saved) return true;
  }
  return signal == SIGCONT && ::getsid(call.task.tid()) == ::getsid(target);
}

// The call as it stands, but for argument `index`, which named process 1.
Reply with_first(const Call& call, Model& model, std::size_t index) {
  const pid_t first = model.processes.first();
  emulate::Task::Arguments arguments = call.task.arguments();
  arguments[index] = static_cast<std::uint64_t>(first);
  const int nr = call.task.nr();
  if (call.traced) return Rewrite{.nr = nr, .arguments = arguments};
  if (!call.task.valid()) return Errno{ESRCH};
  if (nr == SYS_pidfd_open) {
    os::UniqueFd pidfd(static_cast<int>(::syscall(nr, first, arguments[1])));
    if (!pidfd.valid()) return Errno{errno};
    return NewFd{std::move(pidfd), true};
  }
  // Others have arguments in the caller's memory.
  if (nr != SYS_kill && nr != SYS_getpgid && nr != SYS_getsid) return Errno{ESRCH};
  const long result = ::syscall(nr, first, arguments[1]);
  if (result < 0) return Errno{errno};
  return Value{result};
}

Reply by_pid(const Call& call, Model& model, std::size_t index) {
  const pid_t pid = call.task.int_arg(index);
  if (pid <= 0) return Continue{};  // itself, or what the kernel refuses
  if (pid == 1) return with_first(call, model, index);
  if (!is_ours(model, pid)) return Errno{ESRCH};
  return Continue{};
}

Reply by_group(const Model& model, pid_t group) {
  if (group == 0 || is_our_group(model, group)) return Continue{};
  return Errno{ESRCH};
}

// kill(-1): all but the caller and the first process, which is everyone's init.
Reply signal_all(const Call& call, const Model& model, int signal) {
  const auto caller = call.task.status();
  if (!caller || !call.task.valid()) return Errno{ESRCH};
  bool any = false, any_sent = false;
  for (const pid_t tid : model.processes.all()) {
    if (tid == model.processes.first() || tid == caller->process) continue;
    const auto status = emulate::read_task_status(model.proc, tid);
    if (!status || status->process != tid) continue;  // of threads, the first stands for all
    any = true;
    if (may_signal(call, model, tid, signal) && ::kill(tid, signal) == 0) any_sent = true;
  }
  if (any_sent) return Value{0};
  return Errno{any ? EPERM : ESRCH};
}

Reply answer_kill(const Call& call, Model& model, std::size_t pid_index, int signal) {
  const pid_t target = call.task.int_arg(pid_index);
  const bool can_be_group = call.task.nr() == SYS_kill;
  if (can_be_group && target == -1) return signal_all(call, model, signal);
  if (can_be_group && target <= 0) return by_group(model, -target);
  Reply reply = by_pid(call, model, pid_index);
  if (std::holds_alternative<Errno>(reply) || target <= 0) return reply;
  const pid_t real = target == 1 ? model.processes.first() : target;
  if (!may_signal(call, model, real, signal)) return Errno{EPERM};
  return reply;
}

Reply answer_priority(const Call& call, Model& model) {
  const int which = call.task.int_arg(0);
  const pid_t who = call.task.int_arg(1);
  if (call.task.nr() == SYS_ioprio_set) {
    if (which == kIoprioProcess) return by_pid(call, model, 1);
    if (which == kIoprioGroup) return by_group(model, who);
    return Errno{EPERM};
  }
  if (which == PRIO_PROCESS) return by_pid(call, model, 1);
  if (which == PRIO_PGRP) return by_group(model, who);
  if (which != PRIO_USER) return Errno{EINVAL};
  // Every process of ours has the same real user.
  bool any = false;
  int error = ESRCH;
  for (const pid_t tid : model.processes.all()) {
    if (::setpriority(PRIO_PROCESS, static_cast<id_t>(tid), call.task.int_arg(2)) == 0)
      any = true;
    else
      error = errno;
  }
  if (any) return Value{0};
  return Errno{error};
}

// Whom the kernel shall signal when a descriptor becomes ready.
Reply answer_owner_of_io(const Call& call, Model& model) {
  pid_t target = call.task.int_arg(2);
  if (call.task.int_arg(1) == F_SETOWN_EX) {
    f_owner_ex owner{};
    if (!call.task.read(call.task.arg(2), &owner, sizeof owner)) return Errno{EFAULT};
    target = owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid;
  }
  if (target < 0) return by_group(model, -target);
  if (target == 0 || is_ours(model, target)) return Continue{};
  return Errno{ESRCH};
}

}  // namespace

Reply answer_signal(const Call& call, Model& model) {
  switch (call.task.nr()) {
    case SYS_kill:
    case SYS_tkill:
    case SYS_rt_sigqueueinfo:
      return answer_kill(call, model, 0, call.task.int_arg(1));
    case SYS_tgkill:
    case SYS_rt_tgsigqueueinfo:
      // The kernel sees to it that the thread is one of that process.
      return answer_kill(call, model, 0, call.task.int_arg(2));
    case SYS_setpriority:
    case SYS_ioprio_set:
      return answer_priority(call, model);
    case SYS_fcntl:
      return answer_owner_of_io(call, model);
    default:
      return by_pid(call, model, 0);
  }
}

}  // namespace lichen::bare
