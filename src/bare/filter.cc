#include "bare/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <map>
#include <utility>

#include "base/result.h"

namespace lichen::bare {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "lichen knows the system calls of x86_64 and aarch64"
#endif
constexpr std::uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT; no call has such a number
constexpr int kFlags = 2;                      // openat's argument

constexpr std::uint32_t refuse_with(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

using Program = std::vector<sock_filter>;
using Match = StoppedCall::Match;

void op(Program& program, int code, std::uint32_t value, std::size_t if_true = 0,
        std::size_t if_false = 0) {
  LICHEN_ASSERT(if_true < 256 && if_false < 256);
  program.push_back({static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true),
                     static_cast<std::uint8_t>(if_false), value});
}
void load(Program& program, std::size_t offset) {
  op(program, BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
// Little-endian halves of a 64-bit argument.
std::size_t low(int index) {
  return offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(index);
}
std::size_t high(int index) {
  return low(index) + sizeof(std::uint32_t);
}
void give(Program& program, std::uint32_t action) {
  op(program, BPF_RET | BPF_K, action);
}

std::uint32_t action_of(const StoppedCall& call, bool ptrace_only) {
  if (call.stop == Stop::kErrno) return refuse_with(call.error);
  if (call.stop == Stop::kTrace || ptrace_only) return SECCOMP_RET_TRACE;
  return SECCOMP_RET_USER_NOTIF;
}

// false: whatever follows can never be reached.
bool add_check(Program& program, const StoppedCall& call, bool ptrace_only) {
  switch (call.match) {
    case Match::kAlways:
      break;
    case Match::kMaskEquals:
      load(program, low(call.arg));
      if (call.mask != UINT32_MAX) op(program, BPF_ALU | BPF_AND | BPF_K, call.mask);
      op(program, BPF_JMP | BPF_JEQ | BPF_K, call.value, 0, 1);
      break;
    case Match::kMaskAny:
      load(program, low(call.arg));
      op(program, BPF_JMP | BPF_JSET | BPF_K, call.mask, 0, 1);
      break;
    case Match::kNotZero:
      load(program, low(call.arg));
      op(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
      load(program, high(call.arg));
      op(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
      break;
  }
  give(program, action_of(call, ptrace_only));
  return call.match != Match::kAlways;
}

}  // namespace

std::vector<sock_filter> make_filter(const std::vector<StoppedCall>& calls, std::uint32_t magic,
                                     bool ptrace_only) {
  std::vector<std::pair<long, Program>> bodies;  // in the order of the table
  std::map<long, std::size_t> place;
  std::map<long, bool> finished;
  const auto body_of = [&](long nr) -> Program& {
    const auto [at, is_new] = place.try_emplace(nr, bodies.size());
    if (is_new) bodies.push_back({nr, {}});
    return bodies[at->second].second;
  };
  Program& of_openat = body_of(SYS_openat);
  load(of_openat, high(kFlags));
  op(of_openat, BPF_JMP | BPF_JEQ | BPF_K, magic, 0, 1);
  give(of_openat, SECCOMP_RET_ALLOW);
  for (const StoppedCall& call : calls) {
    if (finished[call.nr]) continue;
    finished[call.nr] = !add_check(body_of(call.nr), call, ptrace_only);
  }

  Program program;
  load(program, offsetof(seccomp_data, arch));
  op(program, BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  give(program, refuse_with(ENOSYS));
  load(program, offsetof(seccomp_data, nr));
  op(program, BPF_JMP | BPF_JSET | BPF_K, kX32Bit, 0, 1);
  give(program, refuse_with(ENOSYS));
  for (auto& [nr, body] : bodies) {
    if (!finished[nr]) give(body, SECCOMP_RET_ALLOW);
    op(program, BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(nr), 0, body.size());
    program.insert(program.end(), body.begin(), body.end());
  }
  give(program, SECCOMP_RET_ALLOW);
  LICHEN_ASSERT(program.size() <= BPF_MAXINSNS);
  return program;
}

}  // namespace lichen::bare
