// The registers of a thread in a ptrace stop, by the names that system calls give them. Of the
// tracing thread only. ptrace(2); the calling conventions of syscall(2).
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>

#include "emulate/task.h"

namespace lichen::bare {

// ERESTARTSYS, which is the kernel's own: a call that returns it is run again after signals.
inline constexpr int kRestart = 512;

class Registers {
 public:
  bool read(pid_t tid);
  bool write(pid_t tid) const;

  long nr() const;
  emulate::Task::Arguments arguments() const;
  std::uint64_t stack() const;
  std::int64_t result() const;

  // Before the kernel runs the call.
  void set_call(long nr, const emulate::Task::Arguments& arguments);
  void skip_call(std::int64_t result);  // it is not run, and returns this
  // After it.
  void set_result(std::int64_t result);

  // While a signal is delivered that interrupted a call (-ERESTARTSYS): whether the kernel will run
  // this call again; and what it shall run instead.
  bool restarts(long nr, const emulate::Task::Arguments& arguments) const;
  // Then: it runs again even when the signal's handler asks for interruption (-ERESTARTNOINTR).
  // false: no call was interrupted, or the machine's kernel has decided already (aarch64).
  bool restart_always();
  void set_restarted_call(long nr, const emulate::Task::Arguments& arguments);
  void skip_restarted_call(std::int64_t result);

 private:
  user_regs_struct values_{};
#ifdef __aarch64__
  int nr_ = 0;
  bool nr_changed_ = false;
#endif
};

}  // namespace lichen::bare
