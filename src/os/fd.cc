#include "os/fd.h"

#include <unistd.h>

namespace lichen::os {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);  // EINTR from close means closed on Linux
  fd_ = fd;
}

}  // namespace lichen::os
