// RLIMIT_RTTIME carries the number of a process's credentials, so programs may neither see nor set
// it: it looks unlimited, and every change seems to succeed (pam_limits sets all that it knows).
#include <sys/resource.h>
#include <sys/syscall.h>

#include "emulate/model.h"

namespace lichen::emulate {

Reply answer_rlimit(const Task& task) {
  constexpr rlimit kUnlimited{RLIM_INFINITY, RLIM_INFINITY};
  std::uint64_t old = 0;
  if (task.nr() == SYS_prlimit64) old = task.arg(3);
  if (task.nr() == SYS_getrlimit) old = task.arg(1);
  if (old != 0 && !task.write(old, &kUnlimited, sizeof kUnlimited)) return Errno{EFAULT};
  return Value{0};
}

}  // namespace lichen::emulate
