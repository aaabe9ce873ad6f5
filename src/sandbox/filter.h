// The seccomp program of a step, as a value.
//
//   std::vector<sock_filter> program = make_filter({.notify = plan.notify});
//
// Order for each call: foreign architectures -> ENOSYS, but for i386 on x86-64, to whose calls of
// the same meaning the same rules apply (os/i386.h); the fsync family -> success; calls that
// reach the host kernel (keys, bpf, modules, io_uring, …) are refused as docker's default profile
// does; then the notify rules; everything else is allowed. The set is a floor against accidents and
// kernel bugs: the isolation itself comes from the namespaces. seccomp(2); data structure of
// linux/seccomp.h. Pure functions.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/plan.h"

namespace lichen::sandbox {

struct FilterSpec {
  std::vector<NotifyRule> notify;
  bool answer_sync = true;
};

std::vector<sock_filter> make_filter(const FilterSpec& spec);

// The calls that every step is refused, with the errno it gets; and requests of ioctl(2), EPERM.
struct RefusedCall {
  int nr = 0, error = 0;
};
std::vector<RefusedCall> refused_calls();
std::vector<std::uint32_t> refused_ioctls();

// One line an instruction, "12 jeq 0x101 +0 +1": for golden tests and `lichen debug plan`.
std::string to_text(const std::vector<sock_filter>& program);

}  // namespace lichen::sandbox
