#include "os/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <unordered_map>
#include <unordered_set>

#include "os/file.h"

namespace lichen::os {

void touch(const std::string& path) {
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

namespace {

constexpr std::uint64_t kStatBlock = 512;

class DiskUsage {
 public:
  // What `path` takes beside what was counted before.
  std::uint64_t count(const std::string& path) {
    struct ::stat status {};
    if (::lstat(path.c_str(), &status) < 0) return 0;
    device_ = status.st_dev;
    blocks_ = 0;
    if (add(status))
      if (const auto directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        add_entries(*directory);
    return blocks_ * kStatBlock;
  }

 private:
  bool add(const struct ::stat& status) {
    if (status.st_dev != device_) return false;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 &&
        !seen_[device_].insert(status.st_ino).second)
      return false;
    blocks_ += static_cast<std::uint64_t>(status.st_blocks);
    return S_ISDIR(status.st_mode);
  }
  void add_entries(const UniqueFd& directory) {
    const auto entries = read_directory(directory);
    if (!entries) return;
    for (const DirectoryEntry& entry : *entries) {
      struct ::stat status {};
      if (::fstatat(directory.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
        continue;
      if (!add(status)) continue;
      const auto child = openat(directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (child) add_entries(*child);
    }
  }

  dev_t device_ = 0;
  std::uint64_t blocks_ = 0;
  std::unordered_map<dev_t, std::unordered_set<ino_t>> seen_;
};

}  // namespace

std::uint64_t disk_usage(const std::string& path) {
  return DiskUsage().count(path);
}

std::vector<std::uint64_t> disk_usage(const std::vector<std::string>& paths) {
  DiskUsage usage;
  std::vector<std::uint64_t> bytes;
  bytes.reserve(paths.size());
  for (const std::string& path : paths) bytes.push_back(usage.count(path));
  return bytes;
}

std::uint64_t own_usage(const std::string& path) {
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) < 0) return 0;
  return static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
}

std::int64_t modified(const std::string& path) {
  struct ::stat status {};
  return ::lstat(path.c_str(), &status) < 0 ? 0 : status.st_mtim.tv_sec;
}

Result<void> require_space(const UniqueFd& on, std::uint64_t bytes) {
  constexpr std::uint64_t kFew = 16 << 20;
  struct statvfs status {};
  if (bytes < kFew || ::fstatvfs(on.get(), &status) < 0) return {};
  const std::uint64_t left = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (bytes <= left) return {};
  return fail(Errc::kNoSpace, "it is said to have " + std::to_string(bytes) + " bytes, and " +
                                  std::to_string(left) + " are left on the disk");
}

}  // namespace lichen::os
