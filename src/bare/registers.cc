#include "bare/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

namespace lichen::bare {

namespace {

bool get(pid_t tid, int set, void* to, std::size_t bytes) {
  iovec part{to, bytes};
  return ::ptrace(PTRACE_GETREGSET, tid, set, &part) == 0;
}

bool put(pid_t tid, int set, const void* from, std::size_t bytes) {
  iovec part{const_cast<void*>(from), bytes};
  return ::ptrace(PTRACE_SETREGSET, tid, set, &part) == 0;
}

}  // namespace

#if defined(__x86_64__)

bool Registers::read(pid_t tid) {
  return get(tid, NT_PRSTATUS, &values_, sizeof values_);
}
bool Registers::write(pid_t tid) const {
  return put(tid, NT_PRSTATUS, &values_, sizeof values_);
}

long Registers::nr() const {
  return static_cast<long>(values_.orig_rax);
}
emulate::Task::Arguments Registers::arguments() const {
  return {values_.rdi, values_.rsi, values_.rdx, values_.r10, values_.r8, values_.r9};
}
std::uint64_t Registers::stack() const {
  return values_.rsp;
}
std::int64_t Registers::result() const {
  return static_cast<std::int64_t>(values_.rax);
}

void Registers::set_call(long nr, const emulate::Task::Arguments& arguments) {
  values_.orig_rax = static_cast<unsigned long long>(nr);
  values_.rdi = arguments[0];
  values_.rsi = arguments[1];
  values_.rdx = arguments[2];
  values_.r10 = arguments[3];
  values_.r8 = arguments[4];
  values_.r9 = arguments[5];
}
void Registers::skip_call(std::int64_t result) {
  values_.orig_rax = ~0ull;
  set_result(result);
}
void Registers::set_result(std::int64_t result) {
  values_.rax = static_cast<unsigned long long>(result);
}

bool Registers::restarts(long other, const emulate::Task::Arguments& others) const {
  return nr() == other && result() == -kRestart && arguments() == others;
}
bool Registers::restart_always() {
  constexpr int kRestartAlways = 513;
  if (nr() < 0 || result() != -kRestart) return false;
  set_result(-kRestartAlways);
  return true;
}
void Registers::set_restarted_call(long nr, const emulate::Task::Arguments& arguments) {
  set_call(nr, arguments);
}
void Registers::skip_restarted_call(std::int64_t result) {
  skip_call(result);
}

#elif defined(__aarch64__)

bool Registers::read(pid_t tid) {
  nr_changed_ = false;
  return get(tid, NT_PRSTATUS, &values_, sizeof values_) &&
         get(tid, NT_ARM_SYSTEM_CALL, &nr_, sizeof nr_);
}
bool Registers::write(pid_t tid) const {
  return put(tid, NT_PRSTATUS, &values_, sizeof values_) &&
         (!nr_changed_ || put(tid, NT_ARM_SYSTEM_CALL, &nr_, sizeof nr_));
}

long Registers::nr() const {
  return nr_;
}
emulate::Task::Arguments Registers::arguments() const {
  return {values_.regs[0], values_.regs[1], values_.regs[2],
          values_.regs[3], values_.regs[4], values_.regs[5]};
}
std::uint64_t Registers::stack() const {
  return values_.sp;
}
std::int64_t Registers::result() const {
  return static_cast<std::int64_t>(values_.regs[0]);
}

void Registers::set_call(long nr, const emulate::Task::Arguments& arguments) {
  nr_ = static_cast<int>(nr);
  nr_changed_ = true;
  for (std::size_t i = 0; i < arguments.size(); ++i) values_.regs[i] = arguments[i];
}
void Registers::skip_call(std::int64_t result) {
  nr_ = -1;
  nr_changed_ = true;
  set_result(result);
}
void Registers::set_result(std::int64_t result) {
  values_.regs[0] = static_cast<unsigned long long>(result);
}

// Here the kernel has prepared it all before it tells of the signal: the program counter is at the
// call again.
bool Registers::restarts(long other, const emulate::Task::Arguments& others) const {
  return static_cast<long>(values_.regs[8]) == other && arguments() == others;
}
bool Registers::restart_always() {
  return false;
}
void Registers::set_restarted_call(long nr, const emulate::Task::Arguments& arguments) {
  values_.regs[8] = static_cast<unsigned long long>(nr);
  for (std::size_t i = 0; i < arguments.size(); ++i) values_.regs[i] = arguments[i];
}
void Registers::skip_restarted_call(std::int64_t result) {
  constexpr unsigned kInstruction = 4;
  values_.pc += kInstruction;
  set_result(result);
}

#else
#error "lichen knows the system calls of x86_64 and aarch64"
#endif

}  // namespace lichen::bare
