// The named unix sockets of a step.
//
// A socket's name in the step's view may be longer, or shorter, than its real path, and the kernel
// takes 107 bytes: the real address is a short symlink in the scratch directory (connect), or a
// temporary name that is renamed into place after bind. What getsockname and its kin would show is
// translated back by this table. Abstract sockets are refused with a name of the host's only by
// Landlock (its scope), where the kernel has it. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::bare {

class Sockets {
 public:
  // `directory`: real path, whose length leaves room for a name ("/tmp/x"); it exists.
  explicit Sockets(std::string directory) : directory_(std::move(directory)) {}
  const std::string& directory() const { return directory_; }

  // A new short name for a symlink to, or a place of, a socket; not yet made.
  std::string next_name();
  void remember(const std::string& real_address, const std::string& seen_as);
  std::optional<std::string> seen_as(const std::string& real_address) const;

 private:
  std::string directory_;
  mutable std::mutex mutex_;
  std::uint64_t next_ = 0;
  std::unordered_map<std::string, std::string> names_;
};

}  // namespace lichen::bare
