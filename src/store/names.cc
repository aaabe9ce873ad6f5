#include "store/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "os/file.h"
#include "store/attributes.h"

namespace lichen::store {

namespace {

// Some file systems do not tell types in directories.
unsigned char type_of(const os::UniqueFd& directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct ::stat status {};
  if (::fstatat(directory.get(), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) return DT_UNKNOWN;
  return static_cast<unsigned char>(IFTODT(status.st_mode));
}

bool is_copied(std::string_view name, bool all) {
  if (name == kCapability) return all;
  if (!starts_with(name, "user.")) return false;
  return !starts_with(name, "user.overlay.") || starts_with(name, "user.overlay.overlay.");
}

}  // namespace

Result<std::vector<Name>> read_names(const os::UniqueFd& directory) {
  const int fd = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return fail(os_error("open directory", ""));
  DIR* stream = ::fdopendir(fd);
  if (stream == nullptr) {
    ::close(fd);
    return fail(os_error("open directory", ""));
  }
  std::vector<Name> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view text = entry->d_name;
    if (text != "." && text != "..")
      names.push_back({std::string(text), entry->d_ino, type_of(directory, *entry)});
    errno = 0;
  }
  const int failure = errno;
  ::closedir(stream);
  if (failure != 0) return fail(os_error(failure, "read directory", ""));
  return names;
}

Result<MergedDirectory> merge_directory(const Layers& layers, const Layers::Parts& parts,
                                        const std::string& path) {
  MergedDirectory merged;
  for (const std::size_t layer : parts) {
    merged.parts.push_back(layer);
    merged.fds.push_back(TRY(layers.open_in(layer, path, O_RDONLY | O_DIRECTORY)));
    // The kernel does not look for the mark on the roots of layers.
    if (!path.empty() && layer != parts.back() && is_opaque(merged.fds.back())) break;
  }
  for (std::size_t at = 0; at < merged.parts.size(); ++at) {
    const std::size_t layer = merged.parts[at];
    std::vector<Name> names = TRY(read_names(merged.fds[at]));
    if (at == 0) merged.entries.reserve(names.size());
    for (Name& name : names) {
      const auto [found, is_first] = merged.entries.try_emplace(std::move(name.text));
      MergedDirectory::Entry& entry = found->second;
      if (is_first) {
        entry.layer = layer;
        entry.inode = name.inode;
        entry.type = name.type;
        entry.closed = name.type != DT_DIR;
      } else if (name.type != DT_DIR) {
        if (name.type != DT_CHR) ++merged.hidden[name.inode];
        entry.closed = true;
      }
      if (!entry.closed) entry.parts.push_back(layer);
    }
  }
  return merged;
}

Result<void> copy_xattrs(const os::UniqueFd& from, const os::UniqueFd& to, bool all) {
  char small[1024];
  std::string large;
  const char* names = small;
  ssize_t size = ::flistxattr(from.get(), small, sizeof small);
  if (size < 0 && errno == ERANGE) {
    large.resize(65536);
    names = large.data();
    size = ::flistxattr(from.get(), large.data(), large.size());
  }
  if (size < 0) {
    if (errno == EOPNOTSUPP) return {};
    return fail(os_error("list xattrs", ""));
  }
  for (const char* at = names; at < names + size; at += std::strlen(at) + 1) {
    if (!is_copied(at, all)) continue;
    if (const auto value = TRY(os::get_xattr(from, at))) TRY(os::set_xattr(to, at, *value));
  }
  return {};
}

Result<void> remove_xattrs(const os::UniqueFd& fd) {
  if (::flistxattr(fd.get(), nullptr, 0) <= 0) return {};
  for (const auto& [name, value] : TRY(os::list_xattrs(fd))) ::fremovexattr(fd.get(), name.c_str());
  return {};
}

Result<void> copy_file(const os::UniqueFd& from_directory, const std::string& from,
                       const os::UniqueFd& to_directory, const std::string& to,
                       const struct ::stat& status, bool keeps_owners) {
  os::UniqueFd source, content;
  if (S_ISLNK(status.st_mode)) {
    const std::string target = TRY(os::readlinkat(from_directory, from));
    if (::symlinkat(target.c_str(), to_directory.get(), to.c_str()) < 0)
      return fail(os_error("symlink", to));
  } else if (S_ISFIFO(status.st_mode)) {
    if (::mknodat(to_directory.get(), to.c_str(), S_IFIFO | 0600, 0) < 0)
      return fail(os_error("mkfifo", to));
  } else {
    source = TRY(os::openat(from_directory, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    content = TRY(os::openat(to_directory, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    (void)TRY(os::copy_content(source, content));
  }
  if (keeps_owners && ::fchownat(to_directory.get(), to.c_str(), status.st_uid, status.st_gid,
                                 AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("chown", to));
  if (!S_ISLNK(status.st_mode) &&
      ::fchmodat(to_directory.get(), to.c_str(), status.st_mode & 07777, 0) < 0)
    return fail(os_error("chmod", to));
  // After chown, which drops capabilities.
  if (content.valid()) TRY(copy_xattrs(source, content, keeps_owners));
  const struct ::timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::utimensat(to_directory.get(), to.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("utimens", to));
  return {};
}

}  // namespace lichen::store
