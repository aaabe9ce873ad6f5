// Files and directories by descriptor. Wrappers keep the system call's name, return Result, and
// restart after EINTR.
//
// Paths that came out of an image, an archive or a build context are opened through open_beneath
// only: no symlink and no ".." in them leads outside `root`.
// All functions are thread-safe; umask is not touched.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "os/fd.h"

namespace lichen::os {

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
Result<UniqueFd> openat(const UniqueFd& directory, const std::string& path, int flags,
                        mode_t mode = 0);
// openat2 with RESOLVE_IN_ROOT and no magic links: absolute symlinks and ".." stay under `root`.
// O_NOFOLLOW in `flags` concerns the last component only. Linux 5.6.
Result<UniqueFd> open_beneath(const UniqueFd& root, const std::string& path, int flags,
                              mode_t mode = 0);
// Another descriptor for the same file, e.g. a readable one from an O_PATH one.
Result<UniqueFd> reopen(const UniqueFd& fd, int flags);
Result<UniqueFd> duplicate(const UniqueFd& fd);
std::string proc_path(const UniqueFd& fd);  // "/proc/self/fd/N"

Result<struct ::stat> fstat(const UniqueFd& fd);
// Of `path` itself, not of what a symlink names. nullopt: there is no such file.
Result<std::optional<struct ::stat>> lstatat(const UniqueFd& directory, const std::string& path);

Result<std::string> read_file(const std::string& path, std::size_t limit = 64u << 20);
Result<std::string> read_file(const UniqueFd& fd,
                              std::size_t limit = 64u << 20);  // from its offset
Result<std::optional<std::string>> find_file(const std::string& path,
                                             std::size_t limit = 64u << 20);
Result<void> write_all(const UniqueFd& fd, std::string_view bytes);
// New content appears under `path` at once or not at all (temporary name beside it, rename).
Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode = 0644);

Result<void> mkdirs(const std::string& path, mode_t mode = 0755);  // existing ones are fine
// mkdirs beneath `root`, following only symlinks that stay inside. Returns the last directory.
Result<UniqueFd> mkdirs_beneath(const UniqueFd& root, const std::string& path, mode_t mode);
// rm -rf of `name` in `directory`: by descriptor, does not follow symlinks, not across mounts,
// makes unreadable directories of ours readable. An absent name is fine.
Result<void> remove_tree(const UniqueFd& directory, const std::string& name);
Result<void> remove_tree(const std::string& path);

Result<void> rename(const std::string& from, const std::string& to);
// `name` of one directory becomes that of another.
Result<void> renameat(const UniqueFd& from, const std::string& name, const UniqueFd& to);
Result<void> unlink(const std::string& path);
bool exists(const std::string& path);  // lstat succeeds

struct DirectoryEntry {
  std::string name;
  unsigned char type = 0;  // DT_*
};
// Without "." and "..", sorted by name: walks are deterministic.
Result<std::vector<DirectoryEntry>> read_directory(const UniqueFd& directory);

Result<std::string> readlinkat(const UniqueFd& directory, const std::string& path);

// Extended attributes of an open file, or of what an O_PATH descriptor names (through /proc; not
// for symlinks, which have no user.* attributes). A file system without xattrs gives an empty map.
Result<std::map<std::string, std::string>> list_xattrs(const UniqueFd& fd);
Result<std::optional<std::string>> get_xattr(const UniqueFd& fd, const std::string& name);
Result<void> set_xattr(const UniqueFd& fd, const std::string& name, std::string_view value);

// Bytes of `from` (from its start) to `to`: reflink or copy_file_range where they work.
Result<std::uint64_t> copy_content(const UniqueFd& from, const UniqueFd& to);

class FileSource final : public Source {
 public:
  explicit FileSource(UniqueFd fd, std::string name = {})
      : fd_(std::move(fd)), name_(std::move(name)) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  UniqueFd fd_;
  std::string name_;
};

class FileSink final : public Sink {
 public:
  explicit FileSink(UniqueFd fd, std::string name = {})
      : fd_(std::move(fd)), name_(std::move(name)) {}
  Result<void> write(std::string_view bytes) override;
  const UniqueFd& fd() const { return fd_; }

 private:
  UniqueFd fd_;
  std::string name_;
};

// An advisory lock on a file that is created when absent; released when the value is destroyed.
class FileLock {
 public:
  static Result<FileLock> exclusive(const std::string& path);  // waits
  static Result<FileLock> shared(const std::string& path);     // waits
  // nullopt: somebody else holds it.
  static Result<std::optional<FileLock>> try_exclusive(const std::string& path);
  static Result<std::optional<FileLock>> try_shared(const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<std::optional<FileLock>> attempt(const std::string& path, int how);
  UniqueFd fd_;
};

}  // namespace lichen::os
