#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace lichen::os {

namespace {

constexpr int kMaxRaces = 64;  // a hostile container can rename for ever; we do not follow for ever

// Repeats `call` while a signal interrupts it.
template <class F>
auto retry(F call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

Result<UniqueFd> opened(int fd, const std::string& path) {
  if (fd < 0) return fail(os_error("open", path));
  return UniqueFd(fd);
}

Result<void> done(int rc, const char* call, const std::string& subject) {
  if (rc < 0) return fail(os_error(call, subject));
  return {};
}

}  // namespace

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) {
  return opened(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }), path);
}

Result<UniqueFd> openat(const UniqueFd& directory, const std::string& path, int flags,
                        mode_t mode) {
  return opened(
      retry([&] { return ::openat(directory.get(), path.c_str(), flags | O_CLOEXEC, mode); }),
      path);
}

Result<UniqueFd> open_beneath(const UniqueFd& root, const std::string& path, int flags,
                              mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  for (int attempt = 0; attempt < kMaxRaces; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root.get(), name, &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;  // EAGAIN: a rename raced with the lookup
  }
  return fail(os_error("open", path));
}

std::string proc_path(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

Result<UniqueFd> reopen(const UniqueFd& fd, int flags) {
  return open(proc_path(fd), flags);
}

Result<UniqueFd> duplicate(const UniqueFd& fd) {
  return opened(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), "duplicate");
}

Result<struct ::stat> fstat(const UniqueFd& fd) {
  struct ::stat status {};
  if (::fstat(fd.get(), &status) < 0) return fail(os_error("fstat", ""));
  return status;
}

Result<std::optional<struct ::stat>> lstatat(const UniqueFd& directory, const std::string& path) {
  struct ::stat status {};
  if (::fstatat(directory.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return fail(os_error("stat", path));
}

Result<std::string> read_file(const UniqueFd& fd, std::size_t limit) {
  std::string bytes;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = retry([&] { return ::read(fd.get(), buffer, sizeof buffer); });
    if (count < 0) return fail(os_error("read", ""));
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(count) > limit)
      return fail(Errc::kInvalid, "file is larger than " + std::to_string(limit) + " bytes");
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd = TRY(open(path, O_RDONLY));
  auto bytes = read_file(fd, limit);
  if (!bytes) return fail(std::move(bytes).error().in(path));
  return bytes;
}

Result<std::optional<std::string>> find_file(const std::string& path, std::size_t limit) {
  auto bytes = read_file(path, limit);
  if (bytes) return std::optional<std::string>(std::move(*bytes));
  if (bytes.error().code == Errc::kNotFound) return std::nullopt;
  return fail(std::move(bytes).error());
}

Result<void> write_all(const UniqueFd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retry([&] { return ::write(fd.get(), bytes.data(), bytes.size()); });
    if (count < 0) return fail(os_error("write", ""));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return fail(os_error("create", path));
  auto written = write_all(fd, bytes);
  if (written && ::fchmod(fd.get(), mode) < 0) written = fail(os_error("chmod", path));
  if (written) written = rename(temporary, path);
  if (!written) {
    ::unlink(temporary.c_str());
    return fail(std::move(written).error().in(path));
  }
  return {};
}

Result<void> mkdirs(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  const std::size_t slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0)
    return fail(os_error("mkdir", path));
  TRY(mkdirs(path.substr(0, slash), mode));
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return fail(os_error("mkdir", path));
  return {};
}

Result<UniqueFd> mkdirs_beneath(const UniqueFd& root, const std::string& path, mode_t mode) {
  UniqueFd directory = TRY(open_beneath(root, ".", O_PATH | O_DIRECTORY));
  std::string so_far;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    // mkdirat never follows the last component; what is there already is opened from the root, so
    // that an absolute symlink is resolved inside it.
    if (::mkdirat(directory.get(), part.c_str(), mode) < 0 && errno != EEXIST)
      return fail(os_error("mkdir", so_far + "/" + part));
    so_far += "/" + part;
    directory = TRY(open_beneath(root, so_far, O_PATH | O_DIRECTORY));
  }
  return directory;
}

namespace {

Result<void> remove_entries(const UniqueFd& directory, const std::string& where) {
  for (const DirectoryEntry& entry : TRY(read_directory(directory))) {
    const std::string path = where + "/" + entry.name;
    if (entry.type != DT_DIR) {
      if (::unlinkat(directory.get(), entry.name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR) return fail(os_error("remove", path));
    }
    TRY(remove_tree(directory, entry.name));
  }
  return {};
}

}  // namespace

Result<void> remove_tree(const UniqueFd& directory, const std::string& name) {
  if (::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail(os_error("remove", name));
  if (::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
    return fail(os_error("remove", name));
  auto child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!child) {  // mode 000, and we have no DAC override
    ::fchmodat(directory.get(), name.c_str(), 0700, 0);
    child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  if (!child) return fail(std::move(child).error());
  auto removed = remove_entries(*child, name);
  if (!removed && removed.error().code == Errc::kDenied) {
    ::fchmod(child->get(), 0700);
    removed = remove_entries(*child, name);
  }
  TRY(std::move(removed));
  return done(::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR), "remove", name);
}

Result<void> remove_tree(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  auto directory = open(parent, O_PATH | O_DIRECTORY);
  if (!directory) {
    if (directory.error().code == Errc::kNotFound) return {};
    return fail(std::move(directory).error());
  }
  return remove_tree(*directory, path.substr(slash == std::string::npos ? 0 : slash + 1));
}

Result<void> rename(const std::string& from, const std::string& to) {
  return done(::rename(from.c_str(), to.c_str()), "rename", to);
}

Result<void> renameat(const UniqueFd& from, const std::string& name, const UniqueFd& to) {
  if (::renameat(from.get(), name.c_str(), to.get(), name.c_str()) < 0)
    return fail(os_error("rename", name));
  return {};
}

Result<void> unlink(const std::string& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail(os_error("unlink", path));
  return {};
}

bool exists(const std::string& path) {
  struct ::stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Result<std::vector<DirectoryEntry>> read_directory(const UniqueFd& directory) {
  // A descriptor of its own: the offset is not shared with the caller's.
  const UniqueFd own = TRY(openat(directory, ".", O_RDONLY | O_DIRECTORY));
  std::vector<DirectoryEntry> entries;
  alignas(dirent64) std::array<char, 32 * 1024> buffer;
  for (;;) {
    const ssize_t count = ::getdents64(own.get(), buffer.data(), buffer.size());
    if (count < 0) return fail(os_error("read directory", ""));
    if (count == 0) break;
    for (ssize_t at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<std::string> readlinkat(const UniqueFd& directory, const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t count = ::readlinkat(directory.get(), path.c_str(), target.data(), target.size());
  if (count < 0) return fail(os_error("readlink", path));
  target.resize(static_cast<std::size_t>(count));
  return target;
}

namespace {

// O_PATH descriptors refuse f*xattr: go through the magic link then.
template <class ByFd, class ByPath>
ssize_t xattr_call(const UniqueFd& fd, ByFd by_fd, ByPath by_path) {
  const ssize_t count = by_fd();
  if (count >= 0 || errno != EBADF) return count;
  const std::string path = proc_path(fd);
  return by_path(path.c_str());
}

}  // namespace

Result<std::map<std::string, std::string>> list_xattrs(const UniqueFd& fd) {
  std::string names(65536, '\0');
  const ssize_t count = xattr_call(
      fd, [&] { return ::flistxattr(fd.get(), names.data(), names.size()); },
      [&](const char* path) { return ::listxattr(path, names.data(), names.size()); });
  std::map<std::string, std::string> attributes;
  if (count < 0) {
    if (errno == EOPNOTSUPP) return attributes;
    return fail(os_error("list xattrs", ""));
  }
  names.resize(static_cast<std::size_t>(count));
  std::size_t at = 0;
  while (at < names.size()) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (auto value = TRY(get_xattr(fd, name))) attributes[name] = std::move(*value);
  }
  return attributes;
}

Result<std::optional<std::string>> get_xattr(const UniqueFd& fd, const std::string& name) {
  std::string value(65536, '\0');
  const ssize_t count = xattr_call(
      fd, [&] { return ::fgetxattr(fd.get(), name.c_str(), value.data(), value.size()); },
      [&](const char* path) { return ::getxattr(path, name.c_str(), value.data(), value.size()); });
  if (count < 0) {
    if (errno == ENODATA || errno == EOPNOTSUPP) return std::nullopt;
    return fail(os_error("get xattr", name));
  }
  value.resize(static_cast<std::size_t>(count));
  return value;
}

Result<void> set_xattr(const UniqueFd& fd, const std::string& name, std::string_view value) {
  const ssize_t rc = xattr_call(
      fd, [&] { return ::fsetxattr(fd.get(), name.c_str(), value.data(), value.size(), 0); },
      [&](const char* path) {
        return ::setxattr(path, name.c_str(), value.data(), value.size(), 0);
      });
  return done(static_cast<int>(rc), "set xattr", name);
}

Result<std::uint64_t> copy_content(const UniqueFd& from, const UniqueFd& to) {
  std::uint64_t total = 0;
  bool in_kernel = true;
  for (;;) {
    ssize_t count = -1;
    if (in_kernel) {
      count = retry(
          [&] { return ::copy_file_range(from.get(), nullptr, to.get(), nullptr, 1u << 30, 0); });
      // EXDEV, EINVAL, EOPNOTSUPP: these file systems cannot; and some answer 0 for files of /proc.
      if (count <= 0 && total == 0) in_kernel = false;
      if (count < 0 && in_kernel) return fail(os_error("copy", ""));
    }
    if (!in_kernel) {
      char buffer[256 * 1024];
      count = retry([&] { return ::read(from.get(), buffer, sizeof buffer); });
      if (count < 0) return fail(os_error("read", ""));
      TRY(write_all(to, {buffer, static_cast<std::size_t>(count)}));
    }
    if (count == 0) return total;
    total += static_cast<std::uint64_t>(count);
  }
}

Result<std::size_t> FileSource::read(char* buffer, std::size_t size) {
  const ssize_t count = retry([&] { return ::read(fd_.get(), buffer, size); });
  if (count < 0) return fail(os_error("read", name_));
  return static_cast<std::size_t>(count);
}

Result<void> FileSink::write(std::string_view bytes) {
  auto written = write_all(fd_, bytes);
  if (!written && !name_.empty()) return fail(std::move(written).error().in(name_));
  return written;
}

namespace {

// Who holds a lock alone may remove its file: those who wait lock the new one.
bool is_same_file(const std::string& path, const UniqueFd& fd) {
  struct ::stat named {
  }, open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd.get(), &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

Result<UniqueFd> lock(const std::string& path, int operation) {
  while (true) {
    UniqueFd fd = TRY(open(path, O_RDWR | O_CREAT, 0600));
    if (retry([&] { return ::flock(fd.get(), operation); }) < 0)
      return fail(os_error("lock", path));
    if (is_same_file(path, fd)) return fd;
  }
}

}  // namespace

Result<FileLock> FileLock::exclusive(const std::string& path) {
  return FileLock(TRY(lock(path, LOCK_EX)));
}

Result<FileLock> FileLock::shared(const std::string& path) {
  return FileLock(TRY(lock(path, LOCK_SH)));
}

Result<std::optional<FileLock>> FileLock::try_exclusive(const std::string& path) {
  return attempt(path, LOCK_EX);
}

Result<std::optional<FileLock>> FileLock::try_shared(const std::string& path) {
  return attempt(path, LOCK_SH);
}

Result<std::optional<FileLock>> FileLock::attempt(const std::string& path, int how) {
  auto fd = lock(path, how | LOCK_NB);
  if (fd) return FileLock(std::move(*fd));
  if (fd.error().os_errno == EWOULDBLOCK) return std::nullopt;
  return fail(std::move(fd).error());
}

}  // namespace lichen::os
