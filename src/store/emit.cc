#include "store/emit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "store/attributes.h"

namespace lichen::store {

namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

std::string Emitter::placed(const std::string& path) const {
  return path.empty() ? options_.place : beneath(options_.place, path);
}

archive::Entry Emitter::entry_of(const std::string& path, const struct ::stat& status) const {
  using archive::EntryType;
  const Identity identity = identity_of(tier_, status, owners_.find(path));
  archive::Entry entry{.path = placed(path),
                       .mode = identity.mode,
                       .uid = identity.uid,
                       .gid = identity.gid,
                       .mtime_s = status.st_mtim.tv_sec};
  if (!identity.capability.empty()) entry.xattrs[kCapability] = identity.capability;
  if (options_.clamp_mtime) entry.mtime_s = std::min(entry.mtime_s, *options_.clamp_mtime);
  switch (identity.type) {
    case S_IFDIR:
      entry.type = EntryType::kDirectory;
      break;
    case S_IFLNK:
      entry.type = EntryType::kSymlink;
      entry.mode = 0777;
      break;
    case S_IFIFO:
      entry.type = EntryType::kFifo;
      break;
    case S_IFCHR:
    case S_IFBLK:
      entry.type = identity.type == S_IFCHR ? EntryType::kCharDevice : EntryType::kBlockDevice;
      entry.dev_major = identity.dev_major;
      entry.dev_minor = identity.dev_minor;
      break;
    default:
      entry.type = EntryType::kFile;
      entry.size = static_cast<std::uint64_t>(status.st_size);
  }
  return entry;
}

Result<void> Emitter::directory(const os::UniqueFd& fd, const std::string& path,
                                const struct ::stat& status) {
  archive::Entry entry = entry_of(path, status);
  entry.xattrs.merge(TRY(image_xattrs(fd)));  // what the record says is there already, and wins
  return tar_.add(entry);
}

Result<void> Emitter::file(const os::UniqueFd& directory, const std::string& name,
                           const std::string& path, const struct ::stat& status) {
  using archive::EntryType;
  if (S_ISSOCK(status.st_mode)) return {};
  archive::Entry entry = entry_of(path, status);
  if (status.st_nlink > 1) {
    const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, entry.path);
    if (!is_first) {
      entry.type = EntryType::kHardlink;
      entry.link = first->second;
      entry.xattrs.clear();
      entry.size = 0;
      return tar_.add(entry);
    }
  }
  if (entry.type == EntryType::kSymlink) {
    entry.link = TRY(os::readlinkat(directory, name));
    return tar_.add(entry);
  }
  if (entry.type != EntryType::kFile) return tar_.add(entry);
  if (!S_ISREG(status.st_mode))
    return fail(Errc::kInternal, "unknown type of file: /" + printable(path));
  const os::UniqueFd fd = TRY(os::openat(directory, name, O_RDONLY | O_NOFOLLOW));
  entry.xattrs.merge(TRY(image_xattrs(fd)));
  return content(fd, entry);
}

Result<void> Emitter::content(const os::UniqueFd& fd, const archive::Entry& entry) {
  TRY(tar_.add(entry));
  buffer_.resize(kBufferBytes);
  for (std::uint64_t left = entry.size; left > 0;) {
    const std::size_t want = std::min<std::uint64_t>(left, buffer_.size());
    const ssize_t count = ::read(fd.get(), buffer_.data(), want);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(os_error("read", entry.path));
    if (count == 0)
      return fail(Errc::kInvalid,
                  "/" + printable(entry.path) + " became shorter while it was read");
    TRY(tar_.write({buffer_.data(), static_cast<std::size_t>(count)}));
    left -= static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> Emitter::marker(const std::string& path) {
  return tar_.add({.path = placed(path)});
}

}  // namespace lichen::store
