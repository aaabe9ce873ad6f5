// For tests: runs a seccomp program in this process, as the kernel would (the classic BPF subset of
// seccomp(2): absolute loads, and, jeq, jset, ret).
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace lichen::sandbox::testing {

// The action the program returns; nullopt for what the kernel's verifier would refuse.
inline std::optional<std::uint32_t> evaluate(const std::vector<sock_filter>& program,
                                             const seccomp_data& call) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& op = program[at];
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k % 4 != 0 || op.k + 4 > sizeof call) return std::nullopt;
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&call) + op.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= op.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == op.k ? op.jt : op.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= op.k ? op.jt : op.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (accumulator & op.k) != 0 ? op.jt : op.jf;
        break;
      case BPF_JMP | BPF_JA:
        at += op.k;
        break;
      case BPF_RET | BPF_K:
        return op.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;  // ran off the end
}

}  // namespace lichen::sandbox::testing
