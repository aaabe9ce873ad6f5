// Names of FIFOs for callers that open them themselves (an open that waits must be the caller's
// own). A path that is put into a caller's memory can be changed by its threads: so it names a
// directory where there is nothing but FIFOs, and Landlock lets them write nowhere else.
//
//   auto name = fifos.name(fifo);      // unlinked when the last copy of the pointer goes
//
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "os/fd.h"

namespace lichen::bare {

class FifoName {
 public:
  explicit FifoName(std::string path) : path_(std::move(path)) {}
  FifoName(const FifoName&) = delete;
  FifoName& operator=(const FifoName&) = delete;
  ~FifoName();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Fifos {
 public:
  // An empty directory on the tree's file system; "": no names.
  void use(std::string directory) { directory_ = std::move(directory); }
  const std::string& directory() const { return directory_; }
  // nullptr: `file` is no FIFO, has no name any more, or is on another file system.
  std::shared_ptr<const FifoName> name(const os::UniqueFd& file);

 private:
  std::string directory_;
  std::atomic<unsigned> made_ = 0;
};

}  // namespace lichen::bare
