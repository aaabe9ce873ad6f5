// The seccomp program of a `bare` step. Pure.
//
//   std::vector<sock_filter> program = make_filter(stopped_calls(), magic, /*ptrace_only=*/false);
//
// Foreign architectures have no calls at all (ENOSYS). An openat(2) whose flags hold `magic` in
// their upper half, which the kernel does not look at, is one that a ptrace stop put there, or the
// stub's: allowed. Then the table. seccomp(2); data structure of linux/seccomp.h.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "bare/calls.h"

namespace lichen::bare {

// `ptrace_only`: what would go to the listener stops by ptrace instead.
std::vector<sock_filter> make_filter(const std::vector<StoppedCall>& calls, std::uint32_t magic,
                                     bool ptrace_only);

}  // namespace lichen::bare
