// Where a user wants bytes: a file that appears under its name with finish(), or not at all;
// standard output; or what is no regular file (a device, a FIFO, /dev/fd/N), which is written as it
// is.
//
//   TRY(OutputFile::check(path));                                 // before long work
//   OutputFile file = TRY(OutputFile::create(path, output_fd));   // "-": output_fd
//   … write to file.fd() …
//   TRY(file.finish());
//
// Symlinks are followed: the file behind is replaced.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::transfer {

class OutputFile {
 public:
  // `output_fd` is borrowed, and only for "-". A FIFO is waited for.
  static Result<OutputFile> create(const std::string& path, int output_fd = -1);
  // Of a file whose name is not the user's: a symlink there is replaced.
  static Result<OutputFile> replace(const std::string& path);
  // What create() would say, without making or opening anything: a directory, a parent that is not
  // there, no permission.
  static Result<void> check(const std::string& path);
  // The file that an earlier run left; devices and the like stay.
  static Result<void> remove(const std::string& path);
  // All at once.
  static Result<void> write(const std::string& path, std::string_view bytes, int output_fd = -1);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  const os::UniqueFd& fd() const { return fd_; }
  Result<void> finish();

 private:
  OutputFile() = default;
  std::string path_, temporary_;  // no temporary: it is written as it is
  os::UniqueFd fd_;
};

}  // namespace lichen::transfer
