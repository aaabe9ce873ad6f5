#include "transfer/output_file.h"

#include <fcntl.h>

#include <utility>

#include "os/file.h"

namespace lichen::transfer {

Result<OutputFile> OutputFile::create(const std::string& path, int output_fd) {
  OutputFile file;
  if (path == "-") {
    file.fd_ = os::UniqueFd(::fcntl(output_fd, F_DUPFD_CLOEXEC, 3));
    if (!file.fd_.valid()) return fail(os_error("open", "standard output"));
    return file;
  }
  file.path_ = path;
  file.fd_ = TRY(os::open(path + ".lichen-tmp", O_WRONLY | O_CREAT | O_TRUNC, 0666));
  file.temporary_ = path + ".lichen-tmp";
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      fd_(std::move(other.fd_)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) (void)os::unlink(temporary_);
}

Result<void> OutputFile::finish() {
  if (!temporary_.empty()) TRY(os::rename(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace lichen::transfer
