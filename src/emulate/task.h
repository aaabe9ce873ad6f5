// The thread whose system call waits for an answer: its arguments, memory and /proc directory.
//
// Everything here is foreign: an address may be bad, the thread may die, and its number may then
// belong to another process. So: after a descriptor was opened through /proc/TID, and before it is
// used to change anything, ask valid(). Values of one notification; not shared between threads.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
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
  std::uint32_t fs_uid = 0, fs_gid = 0;  // as the reader's user namespace numbers them
  CapabilitySet effective = 0;           // what the kernel knows, not the model
};
TaskStatus parse_task_status(std::string_view text);
std::optional<TaskStatus> read_task_status(const os::UniqueFd& proc, pid_t tid);

// The memory of another process; all of it, or false. `proc` is O_PATH of /proc.
bool read_memory(const os::UniqueFd& proc, pid_t tid, std::uint64_t address, void* to,
                 std::size_t bytes);
bool write_memory(const os::UniqueFd& proc, pid_t tid, std::uint64_t address, const void* from,
                  std::size_t bytes);

class Task {
 public:
  using Arguments = std::array<std::uint64_t, 6>;

  // Stopped by the listener. A 32-bit program's call has the number of its native twin.
  Task(const os::UniqueFd& listener, const os::UniqueFd& proc, const seccomp_notif& notice);
  // Stopped by ptrace: its number is its own until the tracer reaps it.
  Task(const os::UniqueFd& proc, pid_t tid, int nr, const Arguments& arguments)
      : proc_(&proc), tid_(tid), nr_(nr), arguments_(arguments) {}

  pid_t tid() const { return tid_; }
  bool is_i386() const { return is_i386_; }  // its `struct stat` is os::I386Stat
  int nr() const { return nr_; }
  std::uint64_t arg(std::size_t index) const { return arguments_[index]; }
  const Arguments& arguments() const { return arguments_; }
  int int_arg(std::size_t index) const { return static_cast<int>(arg(index)); }
  std::uint32_t word_arg(std::size_t index) const { return static_cast<std::uint32_t>(arg(index)); }
  const os::UniqueFd& proc() const { return *proc_; }

  bool valid() const;  // it still waits for this answer, so all that was opened so far was its own
  std::string in_proc(std::string_view name) const;  // "TID/name", relative to proc()

  Answer<std::string> read_path(std::uint64_t address) const;  // EFAULT, ENAMETOOLONG
  bool read(std::uint64_t address, void* to, std::size_t bytes) const;
  bool write(std::uint64_t address, const void* from, std::size_t bytes) const;
  std::optional<TaskStatus> status() const { return read_task_status(*proc_, tid()); }

 private:
  const os::UniqueFd* listener_ = nullptr;  // nullptr: in a ptrace stop
  const os::UniqueFd* proc_;
  std::uint64_t id_ = 0;
  pid_t tid_;
  int nr_;
  Arguments arguments_;
  bool is_i386_ = false;
};

}  // namespace lichen::emulate
