#include "store/layers.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>

#include "os/file.h"

namespace lichen::store {

bool is_whiteout(const struct ::stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

bool is_opaque(const os::UniqueFd& directory) {
  char value = 0;
  if (::fgetxattr(directory.get(), kOpaque, &value, 1) == 1) return value == 'y';
  struct ::stat status {};
  return errno == ENOTSUP &&
         ::fstatat(directory.get(), kOpaqueName, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         is_whiteout(status);
}

Result<void> set_opaque(const os::UniqueFd& directory) {
  auto set = os::set_xattr(directory, kOpaque, "y");
  if (set || set.error().os_errno != ENOTSUP) return set;
  return make_whiteout(directory, kOpaqueName, kOpaqueName);
}

Result<void> make_whiteout(const os::UniqueFd& directory, const std::string& name,
                           const std::string& path) {
  if (::mknodat(directory.get(), name.c_str(), S_IFCHR, ::makedev(0, 0)) == 0) return {};
  if (errno != EPERM) return fail(os_error("create whiteout", path));
  return fail(Errc::kUnsupported, "the file system of the store does not take overlay whiteouts",
              "put the store on a local file system with --root");
}

Result<Layers> Layers::open(const std::vector<std::string>& directories) {
  Layers layers;
  for (const std::string& directory : directories)
    layers.fds_.push_back(TRY(os::open(directory, O_RDONLY | O_DIRECTORY)));
  return layers;
}

Layers::Parts Layers::root() const {
  Parts parts;
  for (std::size_t layer = 0; layer < fds_.size(); ++layer) parts.push_back(layer);
  return parts;
}

Result<os::UniqueFd> Layers::open_in(std::size_t layer, const std::string& path, int flags) const {
  return os::openat(fds_[layer], path.empty() ? "." : path, flags | O_NOFOLLOW);
}

Result<bool> Layers::is_opaque(std::size_t layer, const std::string& path) const {
  const os::UniqueFd fd = TRY(open_in(layer, path, O_RDONLY | O_DIRECTORY));
  return store::is_opaque(fd);
}

Result<Layers::Parts> Layers::enter(const Parts& parent, const std::string& path) const {
  Parts parts;
  for (const std::size_t layer : parent) {
    const auto status = TRY(os::lstatat(fds_[layer], path));
    if (!status) continue;
    if (!S_ISDIR(status->st_mode)) break;  // a whiteout or a file hides what is below
    parts.push_back(layer);
    if (layer != parent.back() && TRY(is_opaque(layer, path))) break;
  }
  return parts;
}

Result<std::optional<Layers::Found>> Layers::find(const Parts& parent,
                                                  const std::string& path) const {
  for (const std::size_t layer : parent) {
    const auto status = TRY(os::lstatat(fds_[layer], path));
    if (!status) continue;
    if (is_whiteout(*status)) return std::nullopt;
    return Found{layer, *status};
  }
  return std::nullopt;
}

}  // namespace lichen::store
