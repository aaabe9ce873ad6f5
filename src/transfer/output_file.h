// A file that appears under its name with finish(), or not at all; or standard output.
//
//   OutputFile file = TRY(OutputFile::create(path, output_fd));   // "-": output_fd
//   … write to file.fd() …
//   TRY(file.finish());
#pragma once

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::transfer {

class OutputFile {
 public:
  // `output_fd` is borrowed, and only for "-".
  static Result<OutputFile> create(const std::string& path, int output_fd = -1);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  const os::UniqueFd& fd() const { return fd_; }
  Result<void> finish();

 private:
  OutputFile() = default;
  std::string path_, temporary_;
  os::UniqueFd fd_;
};

}  // namespace lichen::transfer
