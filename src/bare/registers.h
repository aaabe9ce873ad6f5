// The registers of a thread in a ptrace stop, by the names that system calls give them. Of the
// tracing thread only. ptrace(2); the calling conventions of syscall(2).
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>

#include "emulate/task.h"

namespace lichen::bare {

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

 private:
  user_regs_struct values_{};
#ifdef __aarch64__
  int nr_ = 0;
  bool nr_changed_ = false;
#endif
};

}  // namespace lichen::bare
