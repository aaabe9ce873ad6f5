// A file that is removed when its value ends, unless it was moved elsewhere.
//
//   TemporaryFile file = TRY(TemporaryFile::create(directory));   // 0600
//   TRY(file.move_to(path));                                      // within one file system
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::fetch {

class TemporaryFile {
 public:
  TemporaryFile() = default;
  // A name of its own in `directory`. The descriptor is open for writing until the caller closes
  // it.
  static Result<std::pair<TemporaryFile, os::UniqueFd>> create(const std::string& directory);
  // Another name for the file at `path`, in `directory` of the same file system.
  static Result<TemporaryFile> link(const std::string& path, const std::string& directory);
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;
  ~TemporaryFile() { remove(); }

  bool valid() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  Result<void> move_to(const std::string& path);

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  void remove();
  std::string path_;
};

}  // namespace lichen::fetch
