#include "ops/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "ops/chmod.h"
#include "ops/unpack.h"
#include "os/disk.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

constexpr mode_t kPermissions = 07777;
constexpr off_t kMuch = 1 << 20;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

Result<std::map<std::string, std::string>> portable_xattrs(const os::UniqueFd& from) {
  auto xattrs = TRY(os::list_xattrs(from));
  std::erase_if(xattrs, [](const auto& one) { return !is_portable(one.first); });
  return xattrs;
}

// One COPY. What is a reference is borrowed.
class Copier {
 public:
  Copier(FileWriter& to, const SourceTree& from, const graph::Copy& copy, const Filter& filter,
         std::optional<Ownership> owner)
      : to_(to),
        target_(to.target()),
        from_(from),
        copy_(copy),
        filter_(filter),
        owner_(owner),
        is_bare_(target_.tier == container::Tier::kBare) {}

  Result<void> selected(const Selected& selected, bool to_directory);

 private:
  // `relative` is a path from the directory that was selected.
  Result<void> entries(const os::UniqueFd& source, const std::string& source_path,
                       const os::UniqueFd& directory, const std::string& path,
                       const std::string& relative);
  Result<void> directory(const Location& source, const Location& dest, const std::string& relative);
  Result<void> entry(const Location& source, const Location& dest);
  Result<void> special(const Location& source, const Location& dest, const Attributes& attributes,
                       bool is_fifo);
  Result<void> file(const os::UniqueFd& content, const struct ::stat& status, const Location& dest,
                    Attributes attributes);
  Result<Attributes> attributes_of(const std::string& source_path,
                                   const struct ::stat& status) const;
  Result<bool> link_first(const struct ::stat& status, const Location& dest,
                          const Attributes& attributes);
  Result<bool> link_earlier(const struct ::stat& status, const Location& dest,
                            const Attributes& attributes);
  const os::UniqueFd* find_earlier(const std::string& directory);

  FileWriter& to_;
  const FileWriter::Target& target_;
  const SourceTree& from_;
  const graph::Copy& copy_;
  const Filter& filter_;
  const std::optional<Ownership> owner_;
  const bool is_bare_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // the first name of each
  std::string earlier_path_;  // of the directory of Target::earlier that was asked for last
  os::UniqueFd earlier_directory_;
};

Result<void> Copier::selected(const Selected& selected, bool to_directory) {
  std::string dest = clean_path(copy_.dest).substr(1);
  const Ownership parents = owner_.value_or(Ownership{});
  const mode_t parent_mode = copy_.mode.empty() ? 0755 : TRY(change_mode(copy_.mode, 0755, true));

  if (copy_.unpack && !selected.is_directory && TRY(unpack(to_, from_, selected, dest, owner_)))
    return {};

  // A symlink that was named is followed: `COPY f link` writes what the link names.
  dest = TRY(to_.followed(dest));
  const bool exists_as_directory =
      os::open_beneath(target_.root, dest, O_PATH | O_DIRECTORY).has_value();
  if (copy_.parents && selected.is_directory) dest = beneath(dest, selected.name);
  if (selected.is_directory && copy_.dir_copy_contents) {
    bool is_new = false;
    os::UniqueFd directory = TRY(to_.make_parents(dest, parent_mode, parents, &is_new));
    const os::UniqueFd source = TRY(os::open_beneath(from_.root, selected.path, kDirectory));
    const std::string where = TRY(real_path(target_.root, directory));
    if (is_new) directory = TRY(to_.open_new(directory, where));
    return entries(source, selected.path, directory, where, "");
  }
  if (to_directory || exists_as_directory || copy_.parents) dest = beneath(dest, selected.name);
  const os::UniqueFd directory = TRY(to_.make_parents(parent_of(dest), parent_mode, parents));
  const os::UniqueFd source =
      TRY(os::open_beneath(from_.root, parent_of(selected.path), kDirectory));
  const std::string name = name_of(dest);
  const std::string path = beneath(TRY(real_path(target_.root, directory)), name);
  return entry({source, name_of(selected.path), selected.path}, {directory, name, path});
}

Result<void> Copier::entries(const os::UniqueFd& source, const std::string& source_path,
                             const os::UniqueFd& directory, const std::string& path,
                             const std::string& relative) {
  for (const os::DirectoryEntry& child : TRY(os::read_directory(source))) {
    const bool is_directory = child.type == DT_DIR;
    const std::string from = beneath(source_path, child.name), to = beneath(path, child.name);
    const std::string child_relative = beneath(relative, child.name);
    const Exclusion exclusion = filter_.check(from, child_relative, is_directory);
    if (exclusion.excluded && (!is_directory || !exclusion.descend)) continue;
    const Location source_entry{source, child.name, from}, dest{directory, child.name, to};
    if (is_directory)
      TRY(this->directory(source_entry, dest, child_relative));
    else
      TRY(entry(source_entry, dest));
  }
  return {};
}

Result<Attributes> Copier::attributes_of(const std::string& source_path,
                                         const struct ::stat& status) const {
  Attributes attributes{.record = record_of(from_, source_path, status)};
  attributes.mode = mode_of(from_, attributes.record, status);
  attributes.mtime = status.st_mtim;
  if (!copy_.mode.empty() && !S_ISLNK(status.st_mode))
    attributes.mode =
        (status.st_mode & S_IFMT) |
        TRY(change_mode(copy_.mode, attributes.mode & kPermissions, S_ISDIR(status.st_mode)));
  return attributes;
}

Result<void> Copier::directory(const Location& source, const Location& dest,
                               const std::string& relative) {
  const bool is_new = ::mkdirat(dest.directory.get(), dest.name.c_str(), 0700) == 0;
  if (!is_new) {
    if (errno != EEXIST) return fail(os_error("mkdir", dest.path));
    const auto there = TRY(os::lstatat(dest.directory, dest.name));
    if (there && !S_ISDIR(there->st_mode))
      return fail(Errc::kInvalid, "cannot copy to non-directory: /" + printable(dest.path));
  }
  const os::UniqueFd from = TRY(os::openat(source.directory, source.name, kDirectory | O_NOFOLLOW));
  os::UniqueFd to = TRY(os::openat(dest.directory, dest.name, kDirectory | O_NOFOLLOW));
  if (is_new) to = TRY(to_.open_new(to, dest.path));
  Attributes attributes = TRY(attributes_of(source.path, TRY(os::fstat(from))));
  if (owner_) attributes.record = {.uid = owner_->uid, .gid = owner_->gid};
  if (!from_.is_context) attributes.xattrs = TRY(portable_xattrs(from));
  // Parents are reported before children, and finished (mtime) after them.
  to_.keep_record(dest.path, {}, true);
  TRY(entries(from, source.path, to, dest.path, relative));
  return to_.finish(dest, attributes);
}

Result<void> Copier::entry(const Location& source, const Location& dest) {
  const auto found = TRY(os::lstatat(source.directory, source.name));
  if (!found) return fail(Errc::kInvalid, "vanished while it was copied");
  const struct ::stat& status = *found;
  Attributes attributes = TRY(attributes_of(source.path, status));
  if (owner_) {
    attributes.record.uid = owner_->uid;
    attributes.record.gid = owner_->gid;
  }
  if (S_ISLNK(status.st_mode) || S_ISFIFO(status.st_mode))
    return special(source, dest, attributes, S_ISFIFO(status.st_mode));
  const bool is_file = S_ISREG(status.st_mode);
  if (is_file && status.st_nlink > 1 && !from_.is_context &&
      TRY(link_first(status, dest, attributes)))
    return {};
  if (is_file && from_.is_context && TRY(link_earlier(status, dest, attributes))) return {};
  os::UniqueFd content;  // of a device, or a socket: none
  if (is_file && attributes.record.type == 0)
    content = TRY(os::openat(source.directory, source.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (S_ISSOCK(status.st_mode)) attributes.mode = S_IFREG | (attributes.mode & kPermissions);
  return file(content, status, dest, std::move(attributes));
}

// A symlink, or a FIFO.
Result<void> Copier::special(const Location& source, const Location& dest,
                             const Attributes& attributes, bool is_fifo) {
  TRY(make_room(dest));
  const int rc = is_fifo ? ::mknodat(dest.directory.get(), dest.name.c_str(), S_IFIFO | 0600, 0)
                         : ::symlinkat(TRY(os::readlinkat(source.directory, source.name)).c_str(),
                                       dest.directory.get(), dest.name.c_str());
  if (rc < 0) return fail(os_error(is_fifo ? "mkfifo" : "symlink", dest.path));
  return to_.finish(dest, attributes);
}

Result<void> Copier::file(const os::UniqueFd& content, const struct ::stat& status,
                          const Location& dest, Attributes attributes) {
  // With its mode from the start, where that has no bits that chown takes away.
  mode_t mode = attributes.mode & kPermissions;
  if (is_bare_) mode = owners::bare_mode(mode, false);
  const os::UniqueFd to = TRY(create(dest, mode & 0777));
  if (!content.valid()) return to_.finish(to, dest.path, attributes);
  // Into an overlay the kernel does not copy by itself; into the file that the overlay shows, it
  // does.
  os::UniqueFd shown;
  if (target_.upper != nullptr && status.st_size >= kMuch)
    shown = TRY(os::open_beneath(*target_.upper, dest.path, O_WRONLY | O_NOFOLLOW));
  const std::uint64_t bytes = TRY(os::copy_content(content, shown.valid() ? shown : to));
  const struct ::stat copied = TRY(os::fstat(content));
  const bool is_other = copied.st_ino != status.st_ino || copied.st_dev != status.st_dev;
  if (is_other || (from_.is_context && bytes != static_cast<std::uint64_t>(status.st_size)))
    return fail(Errc::kInvalid, "changed while it was copied");
  if (!from_.is_context) attributes.xattrs = TRY(portable_xattrs(content));
  TRY(to_.finish(to, dest.path, attributes));
  if (from_.is_context && target_.copied != nullptr)
    target_.copied->note(dest.path, status, copied);
  return {};
}

// One more name of a file that this copy has written; false: it has not, or a link cannot be had.
Result<bool> Copier::link_first(const struct ::stat& status, const Location& dest,
                                const Attributes& attributes) {
  const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, dest.path);
  if (is_first) return false;
  TRY(make_room(dest));
  // Both names are in the overlay, or both in its upper directory, where all is that was written.
  bool is_real = false;
  if (target_.upper != nullptr)
    is_real = TRY(os::fstat(dest.directory)).st_dev == TRY(os::fstat(*target_.upper)).st_dev;
  const os::UniqueFd other =
      TRY(os::open_beneath(is_real ? *target_.upper : target_.root, parent_of(first->second),
                           O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const auto linked = to_.link({other, name_of(first->second), first->second}, dest);
  if (!linked && linked.error().os_errno == EMLINK) return false;
  TRY(linked);
  TRY(to_.record_link(dest, attributes.record));
  return true;
}

const os::UniqueFd* Copier::find_earlier(const std::string& directory) {
  if (!earlier_directory_.valid() || earlier_path_ != directory) {
    earlier_path_ = directory;
    auto found =
        os::open_beneath(target_.earlier->root, directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    earlier_directory_ = found ? std::move(*found) : os::UniqueFd();
  }
  return earlier_directory_.valid() ? &earlier_directory_ : nullptr;
}

// Instead of a copy of a context file: the file that an earlier snapshot has under the same path,
// made of the same source, and with the attributes that the copy would get. False: there is none,
// or no link can be had.
Result<bool> Copier::link_earlier(const struct ::stat& status, const Location& dest,
                                  const Attributes& attributes) {
  if (target_.earlier == nullptr) return false;
  const CopiedFiles::Mark mark = CopiedFiles::mark(dest.path, status);
  if (target_.earlier->marks.count(mark) == 0) return false;
  const os::UniqueFd* there = find_earlier(parent_of(dest.path));
  const auto earlier = there == nullptr ? std::nullopt : TRY(os::lstatat(*there, dest.name));
  if (!earlier || earlier->st_mode != attributes.mode || earlier->st_size != status.st_size ||
      earlier->st_mtim.tv_sec != attributes.mtime.tv_sec ||
      earlier->st_mtim.tv_nsec != attributes.mtime.tv_nsec)
    return false;
  owners::Record record = attributes.record;
  if (target_.tier == container::Tier::kIds) {
    if (earlier->st_uid != record.uid || earlier->st_gid != record.gid) return false;
    record.uid = record.gid = 0;
  }
  const auto link = [&] {
    const char* name = dest.name.c_str();
    return ::linkat(there->get(), name, dest.directory.get(), name, 0) == 0;
  };
  bool is_linked = link();
  if (!is_linked && errno == EEXIST) {
    TRY(make_room(dest));
    is_linked = link();
  }
  // Too many links; a directory of an overlay; a file system that has none: whatever it is, a copy
  // works, or says what is wrong.
  if (!is_linked) return false;
  to_.keep_record(dest.path, record, false);
  if (target_.copied != nullptr) target_.copied->note(dest.path, mark);
  return true;
}

}  // namespace

Result<void> copy(FileWriter& to, const SourceTree& from, const graph::Copy& copy,
                  std::optional<Ownership> owner) {
  const std::vector<Selected> sources = TRY(select(from, copy));
  const Filter filter = TRY(Filter::make(from, copy));
  const bool to_directory = ends_with(copy.dest, "/") || sources.size() > 1;
  Copier copier(to, from, copy, filter, owner);
  for (const Selected& selected : sources) {
    auto copied = copier.selected(selected, to_directory);
    if (!copied) return fail(std::move(copied).error().in("/" + printable(selected.path)));
  }
  return {};
}

}  // namespace lichen::ops
