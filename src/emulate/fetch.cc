#include "emulate/fetch.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace lichen::emulate {

os::UniqueFd fetch_descriptor(const TaskStatus& owner, int number) {
  const os::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, owner.process, 0)));
  if (!process.valid()) return {};
  return os::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
}

}  // namespace lichen::emulate
