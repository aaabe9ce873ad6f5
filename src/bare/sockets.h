// The named unix sockets of a step.
//
// A socket's name in the step's view may be longer, or shorter, than its real path, and the kernel
// takes 107 bytes: the real address is a short symlink in the scratch directory (connect), or a
// temporary name that is renamed into place after bind. What getsockname and its kin would show is
// translated back by this table. Abstract sockets are refused with a name of the host's only by
// Landlock (its scope), where the kernel has it. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "emulate/reply.h"
#include "os/fd.h"

namespace lichen::bare {

// What sun_path holds, before a NUL.
inline constexpr std::size_t kMaxSocketPath = 107;

// Another, short path of a file. A symlink that was made for it goes with the last owner.
class ShortPath {
 public:
  ShortPath(std::string path, bool is_link) : path_(std::move(path)), is_link_(is_link) {}
  ShortPath(const ShortPath&) = delete;
  ShortPath& operator=(const ShortPath&) = delete;
  ~ShortPath();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_link_;
};

// Where sockets get short names: in the step's scratch directory, or, when the path of that is too
// long, in a temporary one, which goes with this object.
class SocketDirectory {
 public:
  static Result<SocketDirectory> make(const std::string& scratch);
  SocketDirectory(SocketDirectory&& other) noexcept;
  SocketDirectory& operator=(SocketDirectory&&) = delete;
  ~SocketDirectory();
  const std::string& path() const { return path_; }

 private:
  SocketDirectory(std::string path, bool is_temporary)
      : path_(std::move(path)), is_temporary_(is_temporary) {}
  std::string path_;
  bool is_temporary_;
};

class Sockets {
 public:
  explicit Sockets(SocketDirectory directory) : directory_(std::move(directory)) {}

  // A new short name for a symlink to, or a place of, a socket; not yet made.
  std::string next_name();
  // A path of at most `room` bytes for `real_path`: itself, or a symlink to it.
  emulate::Answer<std::shared_ptr<const ShortPath>> shorten(const std::string& real_path,
                                                            std::size_t room = kMaxSocketPath);

  void remember(const std::string& real_address, const std::string& seen_as);
  std::optional<std::string> seen_as(const std::string& real_address) const;

 private:
  SocketDirectory directory_;
  mutable std::mutex mutex_;
  std::uint64_t next_ = 0;
  std::unordered_map<std::string, std::string> names_;
};

}  // namespace lichen::bare
