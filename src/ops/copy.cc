#include "ops/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "base/path.h"
#include "base/text.h"
#include "ops/chmod.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/workspace.h"

namespace lichen::ops {

namespace {

constexpr mode_t kPermissions = 07777;
constexpr off_t kMuch = 1 << 20;
constexpr int kMaxLinks = 40;  // one after the other, as the kernel has it
constexpr char kCapability[] = "security.capability";

struct ::timespec now() {
  return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
}

// Removes what is not a directory; a directory in the way is an error.
Result<void> make_room(const os::UniqueFd& directory, const std::string& name,
                       const std::string& path) {
  const auto status = TRY(os::lstatat(directory, name));
  if (!status) return {};
  if (S_ISDIR(status->st_mode))
    return fail(Errc::kInvalid, "cannot copy a file over the directory /" + printable(path));
  if (::unlinkat(directory.get(), name.c_str(), 0) < 0) return fail(os_error("unlink", path));
  return {};
}

// What means something elsewhere: not the snapshot's own (user.overlay.*), nor the host's.
bool is_portable(const std::string& xattr) {
  return xattr == kCapability ||
         (starts_with(xattr, "user.") && !starts_with(xattr, "user.overlay."));
}

// A new file, in the place of what is not a directory.
Result<os::UniqueFd> create(const os::UniqueFd& directory, const std::string& name,
                            const std::string& path, mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  auto fd = os::openat(directory, name, kFlags, mode);
  if (fd || fd.error().os_errno != EEXIST) return fd;
  TRY(make_room(directory, name, path));
  return os::openat(directory, name, kFlags, mode);
}

Result<std::map<std::string, std::string>> portable_xattrs(const os::UniqueFd& from) {
  auto xattrs = TRY(os::list_xattrs(from));
  std::erase_if(xattrs, [](const auto& one) { return !is_portable(one.first); });
  return xattrs;
}

// A file system that keeps none of users' attributes loses them, as docker has it.
Result<void> give_xattr(const os::UniqueFd& fd, const std::string& key, const std::string& value) {
  auto set = os::set_xattr(fd, key, value);
  if (!set && set.error().os_errno == EOPNOTSUPP && starts_with(key, "user.")) return {};
  return set;
}

}  // namespace

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

// A hard link. At tier bare a layer's own file must not get one more name in the tree.
Result<void> FileWriter::link(const os::UniqueFd& from, const std::string& from_name,
                              const os::UniqueFd& to, const std::string& to_name,
                              const std::string& path) {
  if (target_.frozen != nullptr) {
    const auto status = TRY(os::lstatat(from, from_name));
    if (status && target_.frozen->count(status->st_ino) != 0) {
      const std::string where = TRY(real_path(target_.root, from));
      TRY(store::copy_up(from, from_name));
      const owners::Record* record = target_.below.find(beneath(where, from_name));
      const auto copy = TRY(os::lstatat(from, from_name));
      if (copy && record != nullptr) written_[copy->st_ino] = *record;
    }
  }
  if (::linkat(from.get(), from_name.c_str(), to.get(), to_name.c_str(), 0) < 0)
    return fail(os_error("link", path));
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

// One more name of a file: at tier bare with the record that the file has, else with `record`.
Result<void> FileWriter::record_link(const os::UniqueFd& directory, const std::string& name,
                                     const std::string& path, const owners::Record& record) {
  const auto status = TRY(os::lstatat(directory, name));
  const owners::Record* known = status ? written(status->st_ino) : nullptr;
  keep_record(path, known == nullptr ? record : *known, false);
  return {};
}

// Everything but content: owner (really, where the kernel can), mode, mtime, and the record of what
// the kernel could not be told.
Result<void> FileWriter::finish(const os::UniqueFd& directory, const std::string& name,
                                const std::string& path, const Attributes& attributes) {
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

// The same of an open regular file, and only what is not so already.
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

// `path`, or where a symlink there points to, as a path from the root; also if that is nothing yet.
Result<std::string> FileWriter::followed(std::string path) {
  if (path.empty()) return path;
  for (int links = 0; links < kMaxLinks; ++links) {
    const std::string parent = parent_of(path);
    const auto directory =
        os::open_beneath(target_.root, parent.empty() ? "." : parent, O_PATH | O_DIRECTORY);
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

// Every missing directory on the way is made with `mode` and `owner`; what is there stays as it is.
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
      TRY(finish(directory, part, beneath(where, part), attributes));
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
  return os::open_beneath(*target_.upper, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
}

Result<void> FileWriter::copy(const SourceTree& from, const graph::Copy& copy,
                              std::optional<Ownership> owner) {
  const std::vector<Selected> sources = TRY(select(from, copy));
  const Filter filter = TRY(Filter::make(from, copy));
  filter_ = &filter;
  linked_.clear();
  const bool to_directory = ends_with(copy.dest, "/") || sources.size() > 1;
  for (const Selected& selected : sources) {
    auto copied = copy_selected(from, selected, copy, owner, to_directory);
    if (!copied) return fail(std::move(copied).error().in("/" + printable(selected.path)));
  }
  return {};
}

Result<void> FileWriter::copy_selected(const SourceTree& from, const Selected& selected,
                                       const graph::Copy& copy, std::optional<Ownership> owner,
                                       bool to_directory) {
  std::string dest = clean_path(copy.dest).substr(1);
  const Ownership parents = owner.value_or(Ownership{});
  const mode_t parent_mode = copy.mode.empty() ? 0755 : TRY(change_mode(copy.mode, 0755, true));

  if (copy.unpack && !selected.is_directory && TRY(unpack(from, selected, dest, owner))) return {};

  // A symlink that was named is followed: `COPY f link` writes what the link names.
  dest = TRY(followed(dest));
  const bool exists_as_directory =
      os::open_beneath(target_.root, dest.empty() ? "." : dest, O_PATH | O_DIRECTORY).has_value();
  if (copy.parents && selected.is_directory) dest = beneath(dest, selected.name);
  if (selected.is_directory && copy.dir_copy_contents) {
    bool is_new = false;
    os::UniqueFd directory = TRY(make_parents(dest, parent_mode, parents, &is_new));
    const os::UniqueFd source = TRY(os::open_beneath(
        from.root, selected.path.empty() ? "." : selected.path, O_RDONLY | O_DIRECTORY));
    const std::string where = TRY(real_path(target_.root, directory));
    if (is_new) directory = TRY(open_new(directory, where));
    return copy_entries(from, source, selected.path, directory, where, copy, owner, "");
  }
  if (to_directory || exists_as_directory || copy.parents) dest = beneath(dest, selected.name);
  const os::UniqueFd directory = TRY(make_parents(parent_of(dest), parent_mode, parents));
  const std::string where = TRY(real_path(target_.root, directory));
  const std::string source_parent = parent_of(selected.path);
  const os::UniqueFd source = TRY(os::open_beneath(
      from.root, source_parent.empty() ? "." : source_parent, O_RDONLY | O_DIRECTORY));
  return copy_entry(from, source, name_of(selected.path), selected.path, directory, name_of(dest),
                    beneath(where, name_of(dest)), copy, owner);
}

Result<void> FileWriter::copy_entries(const SourceTree& from, const os::UniqueFd& source,
                                      const std::string& source_path, const os::UniqueFd& directory,
                                      const std::string& path, const graph::Copy& copy,
                                      std::optional<Ownership> owner, const std::string& relative) {
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(source))) {
    const std::string child = beneath(source_path, entry.name);
    const std::string child_relative = beneath(relative, entry.name);
    const Exclusion exclusion = filter_->check(child, child_relative, entry.type == DT_DIR);
    if (exclusion.excluded && (entry.type != DT_DIR || !exclusion.descend)) continue;
    if (entry.type == DT_DIR)
      TRY(copy_directory(from, source, child, directory, beneath(path, entry.name), copy, owner,
                         child_relative));
    else
      TRY(copy_entry(from, source, entry.name, child, directory, entry.name,
                     beneath(path, entry.name), copy, owner));
  }
  return {};
}

Result<void> FileWriter::copy_directory(const SourceTree& from,
                                        const os::UniqueFd& source_directory,
                                        const std::string& source_path,
                                        const os::UniqueFd& directory, const std::string& path,
                                        const graph::Copy& copy, std::optional<Ownership> owner,
                                        const std::string& relative) {
  const std::string name = name_of(path);
  const bool is_new = ::mkdirat(directory.get(), name.c_str(), 0700) == 0;
  if (!is_new) {
    if (errno != EEXIST) return fail(os_error("mkdir", path));
    const auto there = TRY(os::lstatat(directory, name));
    if (there && !S_ISDIR(there->st_mode))
      return fail(Errc::kInvalid, "cannot copy to non-directory: /" + printable(path));
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const os::UniqueFd source = TRY(os::openat(source_directory, name_of(source_path), kFlags));
  os::UniqueFd child = TRY(os::openat(directory, name, kFlags));
  if (is_new) child = TRY(open_new(child, path));
  const struct ::stat status = TRY(os::fstat(source));
  Attributes attributes{.record = record_of(from, source_path, status)};
  attributes.mode = mode_of(from, attributes.record, status);
  if (owner) attributes.record = {.uid = owner->uid, .gid = owner->gid};
  if (!copy.mode.empty())
    attributes.mode = S_IFDIR | TRY(change_mode(copy.mode, attributes.mode & kPermissions, true));
  attributes.mtime = status.st_mtim;
  if (!from.is_context) attributes.xattrs = TRY(portable_xattrs(source));
  // Parents are reported before children, and finished (mtime) after them.
  keep_record(path, {}, true);
  TRY(copy_entries(from, source, source_path, child, path, copy, owner, relative));
  return finish(directory, name, path, attributes);
}

// One more name of a file that this copy has written; false: it has not, or a link cannot be had.
Result<bool> FileWriter::link_first(const struct ::stat& status, const os::UniqueFd& directory,
                                    const std::string& name, const std::string& path,
                                    const Attributes& attributes) {
  const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
  if (is_first) return false;
  TRY(make_room(directory, name, path));
  const std::string parent = parent_of(first->second);
  // Both names are in the overlay, or both in its upper directory, where all is that was written.
  bool is_real = false;
  if (target_.upper != nullptr)
    is_real = TRY(os::fstat(directory)).st_dev == TRY(os::fstat(*target_.upper)).st_dev;
  const os::UniqueFd other =
      TRY(os::open_beneath(is_real ? *target_.upper : target_.root, parent.empty() ? "." : parent,
                           O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const auto linked = link(other, name_of(first->second), directory, name, path);
  if (!linked && linked.error().os_errno == EMLINK) return false;
  TRY(linked);
  TRY(record_link(directory, name, path, attributes.record));
  return true;
}

Result<void> FileWriter::copy_entry(const SourceTree& from, const os::UniqueFd& source_directory,
                                    const std::string& source_name, const std::string& source_path,
                                    const os::UniqueFd& directory, const std::string& name,
                                    const std::string& path, const graph::Copy& copy,
                                    std::optional<Ownership> owner) {
  const auto found = TRY(os::lstatat(source_directory, source_name));
  if (!found) return fail(Errc::kInvalid, "vanished while it was copied");
  const struct ::stat& status = *found;
  Attributes attributes{.record = record_of(from, source_path, status)};
  attributes.mode = mode_of(from, attributes.record, status);
  attributes.mtime = status.st_mtim;
  if (owner) {
    attributes.record.uid = owner->uid;
    attributes.record.gid = owner->gid;
  }
  if (!copy.mode.empty() && !S_ISLNK(status.st_mode))
    attributes.mode = (status.st_mode & S_IFMT) |
                      TRY(change_mode(copy.mode, attributes.mode & kPermissions, false));
  if (S_ISLNK(status.st_mode) || S_ISFIFO(status.st_mode)) {
    TRY(make_room(directory, name, path));
    const int rc = S_ISFIFO(status.st_mode)
                       ? ::mknodat(directory.get(), name.c_str(), S_IFIFO | 0600, 0)
                       : ::symlinkat(TRY(os::readlinkat(source_directory, source_name)).c_str(),
                                     directory.get(), name.c_str());
    if (rc < 0) return fail(os_error(S_ISFIFO(status.st_mode) ? "mkfifo" : "symlink", path));
    return finish(directory, name, path, attributes);
  }
  if (S_ISREG(status.st_mode) && status.st_nlink > 1 && !from.is_context &&
      TRY(link_first(status, directory, name, path, attributes)))
    return {};
  if (S_ISREG(status.st_mode) && from.is_context &&
      TRY(link_earlier(status, directory, name, path, attributes)))
    return {};
  os::UniqueFd content;  // of a device, or a socket: none
  if (S_ISREG(status.st_mode) && attributes.record.type == 0)
    content = TRY(os::openat(source_directory, source_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (S_ISSOCK(status.st_mode)) attributes.mode = S_IFREG | (attributes.mode & kPermissions);
  return copy_file(from, content, status, directory, name, path, std::move(attributes));
}

Result<void> FileWriter::copy_file(const SourceTree& from, const os::UniqueFd& content,
                                   const struct ::stat& status, const os::UniqueFd& directory,
                                   const std::string& name, const std::string& path,
                                   Attributes attributes) {
  // With its mode from the start, where that has no bits that chown takes away.
  mode_t mode = attributes.mode & kPermissions;
  if (target_.tier == container::Tier::kBare) mode = owners::bare_mode(mode, false);
  const os::UniqueFd to = TRY(create(directory, name, path, mode & 0777));
  if (!content.valid()) return finish(to, path, attributes);
  // Into an overlay the kernel does not copy by itself; into the file that the overlay shows, it
  // does.
  os::UniqueFd shown;
  if (target_.upper != nullptr && status.st_size >= kMuch)
    shown = TRY(os::open_beneath(*target_.upper, path, O_WRONLY | O_NOFOLLOW));
  const std::uint64_t bytes = TRY(os::copy_content(content, shown.valid() ? shown : to));
  const struct ::stat copied = TRY(os::fstat(content));
  const bool is_other = copied.st_ino != status.st_ino || copied.st_dev != status.st_dev;
  if (is_other || (from.is_context && bytes != static_cast<std::uint64_t>(status.st_size)))
    return fail(Errc::kInvalid, "changed while it was copied");
  if (!from.is_context) attributes.xattrs = TRY(portable_xattrs(content));
  TRY(finish(to, path, attributes));
  if (from.is_context && target_.copied != nullptr) target_.copied->note(path, status, copied);
  return {};
}

const os::UniqueFd* FileWriter::find_earlier(const std::string& directory) {
  if (!earlier_directory_.valid() || earlier_path_ != directory) {
    earlier_path_ = directory;
    auto found = os::open_beneath(target_.earlier->root, directory.empty() ? "." : directory,
                                  O_PATH | O_DIRECTORY | O_NOFOLLOW);
    earlier_directory_ = found ? std::move(*found) : os::UniqueFd();
  }
  return earlier_directory_.valid() ? &earlier_directory_ : nullptr;
}

// Instead of a copy of a context file: the file that an earlier snapshot has under the same path,
// made of the same source, and with the attributes that the copy would get. False: there is none,
// or no link can be had.
Result<bool> FileWriter::link_earlier(const struct ::stat& status, const os::UniqueFd& directory,
                                      const std::string& name, const std::string& path,
                                      const Attributes& attributes) {
  if (target_.earlier == nullptr) return false;
  const CopiedFiles::Mark mark = CopiedFiles::mark(path, status);
  if (target_.earlier->marks.count(mark) == 0) return false;
  const os::UniqueFd* there = find_earlier(parent_of(path));
  const auto file = there == nullptr ? std::nullopt : TRY(os::lstatat(*there, name));
  if (!file || file->st_mode != attributes.mode || file->st_size != status.st_size ||
      file->st_mtim.tv_sec != attributes.mtime.tv_sec ||
      file->st_mtim.tv_nsec != attributes.mtime.tv_nsec)
    return false;
  owners::Record record = attributes.record;
  if (target_.tier == container::Tier::kIds) {
    if (file->st_uid != record.uid || file->st_gid != record.gid) return false;
    record.uid = record.gid = 0;
  }
  const auto link = [&] {
    return ::linkat(there->get(), name.c_str(), directory.get(), name.c_str(), 0) == 0;
  };
  bool is_linked = link();
  if (!is_linked && errno == EEXIST) {
    TRY(make_room(directory, name, path));
    is_linked = link();
  }
  // Too many links; a directory of an overlay; a file system that has none: whatever it is, a copy
  // works, or says what is wrong.
  if (!is_linked) return false;
  keep_record(path, record, false);
  if (target_.copied != nullptr) target_.copied->note(path, mark);
  return true;
}

Result<void> FileWriter::make_file(const graph::MakeFile& file, std::optional<Ownership> owner) {
  const std::string path = clean_path(file.path).substr(1);
  const Ownership to = owner.value_or(Ownership{});
  const os::UniqueFd directory = TRY(make_parents(parent_of(path), 0755, to));
  const std::string where = TRY(real_path(target_.root, directory));
  const std::string name = name_of(path);
  TRY(make_room(directory, name, path));
  const os::UniqueFd fd =
      TRY(os::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(os::write_all(fd, file.data));
  Attributes attributes{.mode = S_IFREG | file.mode, .record = {.uid = to.uid, .gid = to.gid}};
  attributes.mtime = target_.created ? timespec{*target_.created, 0} : now();
  return finish(directory, name, beneath(where, name), attributes);
}

Result<void> FileWriter::make_directory(const graph::MakeDirectory& directory,
                                        std::optional<Ownership> owner) {
  (void)TRY(make_parents(clean_path(directory.path).substr(1), directory.mode,
                         owner.value_or(Ownership{})));
  return {};
}

Result<bool> FileWriter::unpack(const SourceTree& from, const Selected& selected,
                                const std::string& dest, std::optional<Ownership> owner) {
  os::UniqueFd fd = TRY(os::open_beneath(from.root, selected.path, O_RDONLY | O_NONBLOCK));
  if (!S_ISREG(TRY(os::fstat(fd)).st_mode)) return false;
  os::FileSource file(std::move(fd), selected.path);
  // Recognised by content: what does not start with a tar header is a plain file.
  auto opened = archive::open_decompressor(file);
  if (!opened) return false;
  archive::TarReader reader(**opened);
  auto entry = reader.next();
  if (!entry || !*entry) return false;
  (void)TRY(make_parents(dest, 0755, owner.value_or(Ownership{})));
  std::map<std::string, struct ::timespec> directories;
  while (*entry) {
    auto unpacked = unpack_entry(std::move(**entry), reader, dest, owner, directories);
    if (!unpacked) return fail(std::move(unpacked).error());
    entry = reader.next();
    if (!entry) return fail(std::move(entry).error());
  }
  TRY(set_times(directories));
  return true;
}

// Of directories, when all is in them. One that has become something else is passed over.
Result<void> FileWriter::set_times(const std::map<std::string, struct ::timespec>& directories) {
  for (const auto& [path, mtime] : directories) {
    const std::string parent = parent_of(path);
    const auto directory = os::open_beneath(target_.root, parent.empty() ? "." : parent,
                                            O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const auto there = directory ? TRY(os::lstatat(*directory, name_of(path))) : std::nullopt;
    if (!there || !S_ISDIR(there->st_mode)) continue;
    const struct ::timespec times[2] = {mtime, mtime};
    if (::utimensat(directory->get(), name_of(path).c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", path));
  }
  return {};
}

Result<void> FileWriter::unpack_entry(archive::Entry entry, Source& content,
                                      const std::string& dest, std::optional<Ownership> owner,
                                      std::map<std::string, struct ::timespec>& directories) {
  using archive::EntryType;
  if (entry.path.empty()) return {};
  const std::string wanted = beneath(dest, entry.path);
  const os::UniqueFd directory =
      TRY(make_parents(parent_of(wanted), 0755, owner.value_or(Ownership{})));
  const std::string name = name_of(wanted);
  const std::string path = beneath(TRY(real_path(target_.root, directory)), name);
  Attributes attributes;
  attributes.record = {.uid = static_cast<std::uint32_t>(entry.uid),
                       .gid = static_cast<std::uint32_t>(entry.gid)};
  if (owner) attributes.record = {.uid = owner->uid, .gid = owner->gid};
  attributes.mtime = {.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)};
  for (const auto& [key, value] : entry.xattrs)
    if (is_portable(key)) attributes.xattrs[key] = value;
  if (entry.type == EntryType::kDirectory) {
    attributes.mode = S_IFDIR | entry.mode;
    const auto there = TRY(os::lstatat(directory, name));
    // A symlink to a directory in the image stays, and what follows goes through it.
    if (there && S_ISLNK(there->st_mode) &&
        os::open_beneath(target_.root, wanted, O_PATH | O_DIRECTORY))
      return {};
    if (there && !S_ISDIR(there->st_mode)) TRY(make_room(directory, name, path));
    if (::mkdirat(directory.get(), name.c_str(), 0700) < 0 && errno != EEXIST)
      return fail(os_error("mkdir", path));
    directories[path] = attributes.mtime;
    return finish(directory, name, path, attributes);
  }
  TRY(make_room(directory, name, path));
  if (entry.type != EntryType::kFile) attributes.xattrs.clear();
  switch (entry.type) {
    case EntryType::kSymlink:
      attributes.mode = S_IFLNK | 0777;
      if (::symlinkat(entry.link.c_str(), directory.get(), name.c_str()) < 0)
        return fail(os_error("symlink", path));
      break;
    case EntryType::kHardlink: {
      const std::string first = beneath(dest, entry.link);
      const std::string parent = parent_of(first);
      const os::UniqueFd other =
          TRY(os::open_beneath(target_.root, parent.empty() ? "." : parent, O_PATH | O_DIRECTORY));
      TRY(link(other, name_of(first), directory, name, path));
      return record_link(directory, name, path, attributes.record);
    }
    case EntryType::kFifo:
      attributes.mode = S_IFIFO | entry.mode;
      if (::mknodat(directory.get(), name.c_str(), S_IFIFO | 0600, 0) < 0)
        return fail(os_error("mkfifo", path));
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      attributes.record.type = entry.type == EntryType::kCharDevice ? S_IFCHR : S_IFBLK;
      attributes.record.dev_major = entry.dev_major;
      attributes.record.dev_minor = entry.dev_minor;
      [[fallthrough]];
    default: {
      attributes.mode = S_IFREG | entry.mode;
      os::FileSink sink(
          TRY(os::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)), path);
      if (entry.type == EntryType::kFile) {
        TRY(os::require_space(sink.fd(), entry.size));
        (void)TRY(lichen::copy(content, sink));
      }
    }
  }
  return finish(directory, name, path, attributes);
}

}  // namespace lichen::ops
