#include "bare/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace lichen::bare {

FifoName::~FifoName() {
  ::unlink(path_.c_str());
}

std::shared_ptr<const FifoName> Fifos::name(const os::UniqueFd& file) {
  struct stat status {};
  if (directory_.empty() || ::fstat(file.get(), &status) != 0 || !S_ISFIFO(status.st_mode))
    return nullptr;
  std::string path = directory_ + "/" + std::to_string(made_++);
  if (::linkat(AT_FDCWD, os::proc_path(file).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) !=
      0)
    return nullptr;
  return std::make_shared<const FifoName>(std::move(path));
}

}  // namespace lichen::bare
