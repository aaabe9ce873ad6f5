#include "ops/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/path.h"
#include "base/text.h"
#include "ops/selection.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/workspace.h"

namespace lichen::ops {

namespace {

constexpr mode_t kPermissions = 07777;
constexpr int kMaxLinks = 40;  // one after the other, as the kernel has it
constexpr char kCapability[] = "security.capability";

struct ::timespec now() {
  return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
}

// A file system that keeps none of users' attributes loses them, as docker has it.
Result<void> give_xattr(const os::UniqueFd& fd, const std::string& key, const std::string& value) {
  auto set = os::set_xattr(fd, key, value);
  if (!set && set.error().os_errno == EOPNOTSUPP && starts_with(key, "user.")) return {};
  return set;
}

}  // namespace

Result<void> make_room(const Location& entry) {
  const auto status = TRY(os::lstatat(entry.directory, entry.name));
  if (!status) return {};
  if (S_ISDIR(status->st_mode))
    return fail(Errc::kInvalid, "cannot copy a file over the directory /" + printable(entry.path));
  if (::unlinkat(entry.directory.get(), entry.name.c_str(), 0) < 0)
    return fail(os_error("unlink", entry.path));
  return {};
}

bool is_portable(const std::string& xattr) {
  return xattr == kCapability ||
         (starts_with(xattr, "user.") && !starts_with(xattr, "user.overlay."));
}

Result<os::UniqueFd> create(const Location& entry, mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  auto fd = os::openat(entry.directory, entry.name, kFlags, mode);
  if (fd || fd.error().os_errno != EEXIST) return fd;
  TRY(make_room(entry));
  return os::openat(entry.directory, entry.name, kFlags, mode);
}

const owners::Record* FileWriter::written(ino_t inode) const {
  const auto found = written_.find(inode);
  return found == written_.end() ? nullptr : &found->second;
}

// At tier bare: all that the file itself cannot have.
owners::Record FileWriter::recorded(const Attributes& attributes) const {
  owners::Record record = attributes.record;
  record.mode.reset();
  if (!S_ISLNK(attributes.mode)) {
    const mode_t mode = attributes.mode & kPermissions;
    if (owners::bare_mode(mode, S_ISDIR(attributes.mode)) != mode) record.mode = mode;
  }
  constexpr std::size_t kRevision2Bytes = 20;
  const auto capability = attributes.xattrs.find(kCapability);
  if (capability != attributes.xattrs.end() && capability->second.size() == kRevision2Bytes)
    record.capability = capability->second;
  return record;
}

// At tier bare a layer's own file must not get one more name in the tree.
Result<void> FileWriter::link(const Location& from, const Location& to) {
  if (target_.frozen != nullptr) {
    const auto status = TRY(os::lstatat(from.directory, from.name));
    if (status && target_.frozen->count(status->st_ino) != 0) {
      const std::string where = TRY(real_path(target_.root, from.directory));
      TRY(store::copy_up(from.directory, from.name));
      const owners::Record* record = target_.below.find(beneath(where, from.name));
      const auto copy = TRY(os::lstatat(from.directory, from.name));
      if (copy && record != nullptr) written_[copy->st_ino] = *record;
    }
  }
  if (::linkat(from.directory.get(), from.name.c_str(), to.directory.get(), to.name.c_str(), 0) < 0)
    return fail(os_error("link", to.path));
  return {};
}

void FileWriter::keep_record(const std::string& path, const owners::Record& record,
                             bool is_directory) {
  if (target_.copied != nullptr) target_.copied->forget(path);
  if (target_.independent)
    independent_recorder_.set(path, record, is_directory);
  else
    recorder_.set(path, record, is_directory);
}

Result<void> FileWriter::record_link(const Location& entry, const owners::Record& record) {
  const auto status = TRY(os::lstatat(entry.directory, entry.name));
  const owners::Record* known = status ? written(status->st_ino) : nullptr;
  keep_record(entry.path, known == nullptr ? record : *known, false);
  return {};
}

Result<void> FileWriter::finish(const Location& entry, const Attributes& attributes) {
  const auto& [directory, name, path] = entry;
  owners::Record record = attributes.record;
  if (target_.tier == container::Tier::kIds) {
    const int rc =
        ::fchownat(directory.get(), name.c_str(), record.uid, record.gid, AT_SYMLINK_NOFOLLOW);
    if (rc == 0)
      record.uid = record.gid = 0;  // the kernel knows; only a device still needs its record
    else if (errno != EINVAL)       // EINVAL: beyond the map, so the record stands for it
      return fail(os_error("chown", path));
    if (record.type != 0) record = attributes.record;
  }
  const bool is_bare = target_.tier == container::Tier::kBare;
  mode_t mode = attributes.mode & kPermissions;
  if (is_bare) {
    record = recorded(attributes);
    mode = owners::bare_mode(mode, S_ISDIR(attributes.mode));
  }
  if (!S_ISLNK(attributes.mode) && ::fchmodat(directory.get(), name.c_str(), mode, 0) < 0)
    return fail(os_error("chmod", path));
  if (!attributes.xattrs.empty()) {  // after chown, which drops capabilities
    const os::UniqueFd fd = TRY(os::openat(directory, name, O_PATH | O_NOFOLLOW));
    for (const auto& [key, value] : attributes.xattrs)
      if (!is_bare || key != kCapability) TRY(give_xattr(fd, key, value));
  }
  const struct ::timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::utimensat(directory.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("utimens", path));
  keep_record(path, record, S_ISDIR(attributes.mode));
  if (is_bare) {
    const auto status = TRY(os::lstatat(directory, name));
    if (status) written_[status->st_ino] = std::move(record);
  }
  return {};
}

Result<void> FileWriter::finish(const os::UniqueFd& file, const std::string& path,
                                const Attributes& attributes) {
  const bool is_bare = target_.tier == container::Tier::kBare;
  const struct ::stat now = TRY(os::fstat(file));
  owners::Record record = attributes.record;
  if (target_.tier == container::Tier::kIds) {
    const bool is_right = now.st_uid == record.uid && now.st_gid == record.gid;
    if (is_right || ::fchown(file.get(), record.uid, record.gid) == 0)
      record.uid = record.gid = 0;
    else if (errno != EINVAL)
      return fail(os_error("chown", path));
    if (record.type != 0) record = attributes.record;
  }
  mode_t mode = attributes.mode & kPermissions;
  if (is_bare) {
    record = recorded(attributes);
    mode = owners::bare_mode(mode, false);
  }
  if ((now.st_mode & kPermissions) != mode && ::fchmod(file.get(), mode) < 0)
    return fail(os_error("chmod", path));
  for (const auto& [key, value] : attributes.xattrs)
    if (!is_bare || key != kCapability) TRY(os::set_xattr(file, key, value));
  const struct ::timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::futimens(file.get(), times) < 0) return fail(os_error("utimens", path));
  keep_record(path, record, false);
  if (is_bare) written_[now.st_ino] = std::move(record);
  return {};
}

Result<std::string> FileWriter::followed(std::string path) const {
  if (path.empty()) return path;
  for (int links = 0; links < kMaxLinks; ++links) {
    const std::string parent = parent_of(path);
    const auto directory = os::open_beneath(target_.root, parent, O_PATH | O_DIRECTORY);
    if (!directory) return path;
    const auto status = TRY(os::lstatat(*directory, name_of(path)));
    if (!status || !S_ISLNK(status->st_mode)) return path;
    std::string target = TRY(os::readlinkat(*directory, name_of(path)));
    while (target.size() > 1 && ends_with(target, "/")) target.pop_back();
    path = starts_with(target, "/") ? target.substr(1)
                                    : beneath(TRY(real_path(target_.root, *directory)), target);
  }
  return fail(Errc::kInvalid, "/" + printable(path) + " is one of too many symbolic links");
}

Result<os::UniqueFd> FileWriter::make_parents(const std::string& path, mode_t mode,
                                              const Ownership& owner, bool* is_new) {
  return make_parents(path, mode, owner, is_new, 0);
}

Result<os::UniqueFd> FileWriter::make_parents(const std::string& path, mode_t mode,
                                              const Ownership& owner, bool* is_new, int links) {
  os::UniqueFd directory = TRY(os::open_beneath(target_.root, ".", O_PATH | O_DIRECTORY));
  std::string so_far;
  for (const std::string& part : split(path, '/')) {
    if (part.empty()) continue;
    so_far = beneath(so_far, part);
    const bool made = ::mkdirat(directory.get(), part.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return fail(os_error("mkdir", so_far));
    if (is_new != nullptr) *is_new = made;
    if (made) {
      Attributes attributes{.mode = S_IFDIR | mode, .record = {.uid = owner.uid, .gid = owner.gid}};
      attributes.mtime = target_.created ? timespec{*target_.created, 0} : now();
      const std::string where = TRY(real_path(target_.root, directory));
      TRY(finish({directory, part, beneath(where, part)}, attributes));
    }
    // From the root, so that an absolute symlink is resolved inside it.
    auto next = os::open_beneath(target_.root, so_far, O_PATH | O_DIRECTORY);
    if (!next && next.error().code == Errc::kNotFound && links < kMaxLinks) {
      // A symlink to what is not there: that is made.
      const std::string where = beneath(TRY(real_path(target_.root, directory)), part);
      next = make_parents(TRY(followed(where)), mode, owner, is_new, links + 1);
    }
    if (!next) return fail(Errc::kInvalid, "/" + printable(so_far) + " is not a directory");
    directory = std::move(*next);
  }
  return directory;
}

Result<os::UniqueFd> FileWriter::open_new(const os::UniqueFd& directory,
                                          const std::string& path) const {
  if (target_.upper == nullptr) return os::duplicate(directory);
  return os::open_beneath(*target_.upper, path, O_RDONLY | O_DIRECTORY);
}

Result<void> FileWriter::make_file(const graph::MakeFile& file, std::optional<Ownership> owner) {
  const std::string path = clean_path(file.path).substr(1);
  const Ownership to = owner.value_or(Ownership{});
  const os::UniqueFd directory = TRY(make_parents(parent_of(path), 0755, to));
  const std::string where = TRY(real_path(target_.root, directory));
  const std::string name = name_of(path);
  const std::string real = beneath(where, name);
  const Location entry{directory, name, real};
  TRY(make_room(entry));
  const os::UniqueFd fd =
      TRY(os::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(os::write_all(fd, file.data));
  Attributes attributes{.mode = S_IFREG | file.mode, .record = {.uid = to.uid, .gid = to.gid}};
  attributes.mtime = target_.created ? timespec{*target_.created, 0} : now();
  return finish(entry, attributes);
}

Result<void> FileWriter::make_directory(const graph::MakeDirectory& directory,
                                        std::optional<Ownership> owner) {
  (void)TRY(make_parents(clean_path(directory.path).substr(1), directory.mode,
                         owner.value_or(Ownership{})));
  return {};
}

}  // namespace lichen::ops
