// The thread whose system call waits for an answer: its arguments, memory and /proc directory.
//
// Everything here is foreign: an address may be bad, the thread may die, and its number may then
// belong to another process. So: after a descriptor was opened through /proc/TID, and before it is
// used to change anything, ask valid(). Values of one notification; not shared between threads.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulate/credentials.h"
#include "emulate/reply.h"
#include "os/fd.h"

namespace lichen::emulate {

// From /proc/TID/status.
struct TaskStatus {
  pid_t process = 0;            // thread group
  pid_t innermost_process = 0;  // the same as the container numbers it
  mode_t umask = 022;
  bool no_new_privileges = false;
  CapabilitySet effective = 0;  // what the kernel knows, not the model
};
TaskStatus parse_task_status(std::string_view text);
std::optional<TaskStatus> read_task_status(const os::UniqueFd& proc, pid_t tid);

class Task {
 public:
  Task(const os::UniqueFd& listener, const os::UniqueFd& proc, const seccomp_notif& notice)
      : listener_(listener), proc_(proc), notice_(notice) {}

  pid_t tid() const { return static_cast<pid_t>(notice_.pid); }
  int nr() const { return notice_.data.nr; }
  std::uint64_t arg(int index) const { return notice_.data.args[index]; }
  int int_arg(int index) const { return static_cast<int>(arg(index)); }
  std::uint32_t word_arg(int index) const { return static_cast<std::uint32_t>(arg(index)); }
  const os::UniqueFd& proc() const { return proc_; }

  bool valid() const;  // it still waits for this answer, so all that was opened so far was its own
  std::string in_proc(std::string_view name) const;  // "TID/name", relative to proc()

  Answer<std::string> read_path(std::uint64_t address) const;  // EFAULT, ENAMETOOLONG
  bool read(std::uint64_t address, void* to, std::size_t bytes) const;
  bool write(std::uint64_t address, const void* from, std::size_t bytes) const;
  std::optional<TaskStatus> status() const { return read_task_status(proc_, tid()); }

 private:
  const os::UniqueFd& listener_;
  const os::UniqueFd& proc_;
  const seccomp_notif& notice_;
};

}  // namespace lichen::emulate
