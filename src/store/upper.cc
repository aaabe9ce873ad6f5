#include "store/upper.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::store {

namespace {

constexpr std::size_t kMaxDirectories = 256;
constexpr int kMaxLinks = 40;  // as the kernel

// Erases `path` and all beneath it from a sorted container.
template <class Container>
void erase_tree(Container& container, const std::string& path) {
  if (path.empty()) return container.clear();
  container.erase(path);
  container.erase(container.lower_bound(path + "/"), container.lower_bound(path + "0"));
}
static_assert('0' == '/' + 1);

}  // namespace

Result<std::unique_ptr<Upper>> Upper::open(const std::string& fs,
                                           const std::vector<std::string>& lower, Tier tier) {
  std::unique_ptr<Upper> upper(new Upper(tier, TRY(Layers::open(lower))));
  upper->root_ = std::make_shared<Directory>();
  upper->root_->fd = TRY(os::open(fs, O_RDONLY | O_DIRECTORY));
  upper->root_->below = upper->lower_.root();
  if (!upper->lower_.empty()) TRY(upper->inherit(*upper->root_));
  return upper;
}

void Upper::forget_directories() {
  by_path_.clear();
  by_name_.clear();
}

Result<Upper::DirectoryPtr> Upper::directory(const std::string& path, bool create) {
  if (path.empty()) return root_;
  if (const auto known = by_name_.find(path); known != by_name_.end()) return known->second;
  DirectoryPtr parent = TRY(directory(parent_of(path), create));
  if (parent == nullptr) return parent;
  int links = 0;
  DirectoryPtr found = TRY(step(parent, name_of(path), create, links));
  if (found != nullptr) {
    if (by_name_.size() >= kMaxDirectories) forget_directories();
    by_name_[path] = found;
  }
  return found;
}

Result<Upper::DirectoryPtr> Upper::step(const DirectoryPtr& here, const std::string& name,
                                        bool create, int& links) {
  const auto found = TRY(find(*here, name));
  const std::string path = beneath(here->path, name);
  if (!found) {
    if (!create) return DirectoryPtr();
    DirectoryPtr made = TRY(make_directory(here, name));
    set_attributes(made->path, {.mtime = timespec{implied_mtime_, 0}});
    return made;
  }
  if (S_ISDIR(found->status.st_mode)) return enter(here, name);
  if (!S_ISLNK(found->status.st_mode) && !create) return nullptr;  // nothing is in it
  if (!S_ISLNK(found->status.st_mode))
    return fail(Errc::kCorrupt, "/" + printable(path) + " is not a directory");
  if (++links > kMaxLinks)
    return fail(Errc::kCorrupt, "too many symbolic links at /" + printable(path));
  const std::string target = found->upper ? TRY(os::readlinkat(here->fd, name))
                                          : TRY(os::readlinkat(lower_.fd(found->layer), path));
  DirectoryPtr at = starts_with(target, "/") ? root_ : here;
  for (const std::string& part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      at = at->parent == nullptr ? root_ : at->parent;
    else
      at = TRY(step(at, part, create, links));
    if (at == nullptr) break;
  }
  return at;
}

Result<std::optional<Upper::Found>> Upper::find(const Directory& directory,
                                                const std::string& name) const {
  if (const auto status = TRY(os::lstatat(directory.fd, name))) {
    if (is_whiteout(*status)) return std::nullopt;
    return Found{.upper = true, .status = *status};
  }
  const auto lower = TRY(lower_.find(directory.below, beneath(directory.path, name)));
  if (!lower) return std::nullopt;
  return Found{.upper = false, .layer = lower->layer, .status = lower->status};
}

// A directory that the merged tree has, at `name`.
Result<Upper::DirectoryPtr> Upper::enter(const DirectoryPtr& parent, const std::string& name) {
  const std::string path = beneath(parent->path, name);
  if (const auto known = by_path_.find(path); known != by_path_.end()) return known->second;
  auto entered = std::make_shared<Directory>();
  entered->path = path;
  entered->parent = parent;
  if (opaque_.count(path) == 0) entered->below = TRY(lower_.enter(parent->below, path));
  const bool made = ::mkdirat(parent->fd.get(), name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return fail(os_error("mkdir", path));
  entered->fd = TRY(os::openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (made) TRY(inherit(*entered));
  if (by_path_.size() >= kMaxDirectories) forget_directories();
  by_path_[path] = entered;
  return entered;
}

// Takes owner, mode, mtime and attributes from the nearest lower layer, as a copy-up would.
Result<void> Upper::inherit(const Directory& directory) {
  LICHEN_ASSERT(!directory.below.empty());
  const os::UniqueFd from =
      TRY(lower_.open_in(directory.below[0], directory.path, O_RDONLY | O_DIRECTORY));
  const struct ::stat status = TRY(os::fstat(from));
  if (tier_ == Tier::kIds) (void)TRY(give(tier_, directory.fd, "", status.st_uid, status.st_gid));
  set_attributes(
      directory.path,
      {.mode = status.st_mode & 07777, .mtime = status.st_mtim, .xattrs = TRY(image_xattrs(from))});
  return {};
}

Result<void> Upper::remove(const Directory& directory, const std::string& name) {
  const auto status = TRY(os::lstatat(directory.fd, name));
  if (!status) return {};
  if (S_ISDIR(status->st_mode)) {
    const std::string path = beneath(directory.path, name);
    erase_tree(opaque_, path);
    erase_tree(attributes_, path);
  }
  // Paths may have gone through it.
  if (S_ISDIR(status->st_mode) || S_ISLNK(status->st_mode)) forget_directories();
  return os::remove_tree(directory.fd, name);
}

Result<void> Upper::white_out(const Directory& directory, const std::string& name) {
  TRY(remove(directory, name));
  const std::string path = beneath(directory.path, name);
  if (!TRY(lower_.find(directory.below, path))) return {};
  return make_whiteout(directory.fd, name, path);
}

Result<void> Upper::set_opaque(Directory& directory) {
  if (directory.below.empty()) return {};
  directory.below.clear();
  opaque_.insert(directory.path);
  forget_directories();  // what is beneath it is made of other layers now
  return store::set_opaque(directory.fd);
}

Result<Upper::DirectoryPtr> Upper::make_directory(const DirectoryPtr& parent,
                                                  const std::string& name) {
  const std::string path = beneath(parent->path, name);
  const auto there = TRY(os::lstatat(parent->fd, name));
  if (there && S_ISDIR(there->st_mode)) return enter(parent, name);
  if (there) TRY(remove(*parent, name));
  if (::mkdirat(parent->fd.get(), name.c_str(), 0700) < 0) return fail(os_error("mkdir", path));
  set_attributes(path, {});
  DirectoryPtr made = TRY(enter(parent, name));
  // What was there hid what lower layers have; the directory must not show it again.
  if (there) TRY(set_opaque(*made));
  return made;
}

Result<void> Upper::copy_up(const Directory& directory, const std::string& name,
                            const Found& found) {
  const std::string path = beneath(directory.path, name);
  const struct ::stat& status = found.status;
  if (S_ISLNK(status.st_mode)) {
    const std::string target = TRY(os::readlinkat(lower_.fd(found.layer), path));
    if (::symlinkat(target.c_str(), directory.fd.get(), name.c_str()) < 0)
      return fail(os_error("symlink", path));
  } else if (S_ISREG(status.st_mode)) {
    const os::UniqueFd from = TRY(lower_.open_in(found.layer, path, O_RDONLY));
    const os::UniqueFd to =
        TRY(os::openat(directory.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    (void)TRY(os::copy_content(from, to));
    if (tier_ == Tier::kIds)
      (void)TRY(give(tier_, directory.fd, name, status.st_uid, status.st_gid));
    TRY(set_image_xattrs(tier_, to, TRY(image_xattrs(from))));
    if (::fchmod(to.get(), status.st_mode & 07777) < 0) return fail(os_error("chmod", path));
  } else if (S_ISFIFO(status.st_mode)) {
    if (::mknodat(directory.fd.get(), name.c_str(), S_IFIFO | 0600, 0) < 0 ||
        ::fchmodat(directory.fd.get(), name.c_str(), status.st_mode & 07777, 0) < 0)
      return fail(os_error("mkfifo", path));
  } else {
    return fail(Errc::kUnsupported, "hard link to /" + printable(path) +
                                        ", which is neither a file nor a symbolic link");
  }
  if (tier_ == Tier::kIds && !S_ISREG(status.st_mode))
    (void)TRY(give(tier_, directory.fd, name, status.st_uid, status.st_gid));
  const struct ::timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::utimensat(directory.fd.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("utimens", path));
  return {};
}

void Upper::set_attributes(const std::string& directory, Attributes attributes) {
  attributes_[directory] = std::move(attributes);
}

Result<void> Upper::finish() {
  forget_directories();
  for (auto it = attributes_.rbegin(); it != attributes_.rend(); ++it) {
    const auto& [path, attributes] = *it;
    // These are real paths: no symlink is in them.
    const os::UniqueFd fd =
        TRY(os::open_beneath(root_->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(set_image_xattrs(tier_, fd, attributes.xattrs));
    if (::fchmod(fd.get(), attributes.mode) < 0) return fail(os_error("chmod", path));
    if (!attributes.mtime) continue;
    const struct ::timespec times[2] = {*attributes.mtime, *attributes.mtime};
    if (::futimens(fd.get(), times) < 0) return fail(os_error("utimens", path));
  }
  return {};
}

}  // namespace lichen::store
