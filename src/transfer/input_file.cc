#include "transfer/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "base/text.h"
#include "os/file.h"

namespace lichen::transfer {

Result<os::UniqueFd> open_input(const std::string& path, int input_fd) {
  if (path == "-") {
    os::UniqueFd fd(::fcntl(input_fd, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return fail(os_error("open", "standard input"));
    return fd;
  }
  os::UniqueFd fd = TRY(os::open(path, O_RDONLY));
  if (S_ISDIR(TRY(os::fstat(fd)).st_mode))
    return fail(Errc::kInvalid, printable(path) + " is a directory, not an archive");
  return fd;
}

}  // namespace lichen::transfer
