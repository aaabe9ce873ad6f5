#include "ops/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "base/path.h"
#include "os/disk.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

using archive::EntryType;

class Unpacker {
 public:
  Unpacker(FileWriter& to, const std::string& dest, std::optional<Ownership> owner)
      : to_(to), root_(to.target().root), dest_(dest), owner_(owner) {}

  Result<void> entry(archive::Entry entry, Source& content);
  // Of directories, when all is in them. One that has become something else is passed over.
  Result<void> set_times();

 private:
  Attributes attributes_of(const archive::Entry& entry) const;
  Result<void> directory(const Location& dest, const std::string& wanted,
                         const Attributes& attributes);
  Result<void> hard_link(const Location& dest, const archive::Entry& entry,
                         const Attributes& attributes);
  Result<void> file(const Location& dest, const archive::Entry& entry, Source& content);

  FileWriter& to_;
  const os::UniqueFd& root_;
  const std::string& dest_;
  const std::optional<Ownership> owner_;
  std::map<std::string, struct ::timespec> directories_;  // path and mtime
};

mode_t type_of(EntryType type) {
  switch (type) {
    case EntryType::kDirectory:
      return S_IFDIR;
    case EntryType::kSymlink:
      return S_IFLNK;
    case EntryType::kFifo:
      return S_IFIFO;
    default:
      return S_IFREG;  // of a device, too: the record says what it is
  }
}

Attributes Unpacker::attributes_of(const archive::Entry& entry) const {
  Attributes attributes;
  attributes.mode =
      type_of(entry.type) | (entry.type == EntryType::kSymlink ? 0777 : mode_t{entry.mode});
  attributes.record = {.uid = static_cast<std::uint32_t>(entry.uid),
                       .gid = static_cast<std::uint32_t>(entry.gid)};
  if (owner_) attributes.record = {.uid = owner_->uid, .gid = owner_->gid};
  attributes.mtime = {.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)};
  if (entry.type == EntryType::kFile || entry.type == EntryType::kDirectory)
    for (const auto& [key, value] : entry.xattrs)
      if (is_portable(key)) attributes.xattrs[key] = value;
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    attributes.record.type = entry.type == EntryType::kCharDevice ? S_IFCHR : S_IFBLK;
    attributes.record.dev_major = entry.dev_major;
    attributes.record.dev_minor = entry.dev_minor;
  }
  return attributes;
}

Result<void> Unpacker::entry(archive::Entry entry, Source& content) {
  if (entry.path.empty()) return {};
  const std::string wanted = beneath(dest_, entry.path);
  const os::UniqueFd parent =
      TRY(to_.make_parents(parent_of(wanted), 0755, owner_.value_or(Ownership{})));
  const std::string name = name_of(wanted);
  const std::string path = beneath(TRY(real_path(root_, parent)), name);
  const Location dest{parent, name, path};
  const Attributes attributes = attributes_of(entry);
  if (entry.type == EntryType::kDirectory) return directory(dest, wanted, attributes);
  TRY(make_room(dest));
  switch (entry.type) {
    case EntryType::kSymlink:
      if (::symlinkat(entry.link.c_str(), parent.get(), name.c_str()) < 0)
        return fail(os_error("symlink", path));
      break;
    case EntryType::kHardlink:
      return hard_link(dest, entry, attributes);
    case EntryType::kFifo:
      if (::mknodat(parent.get(), name.c_str(), S_IFIFO | 0600, 0) < 0)
        return fail(os_error("mkfifo", path));
      break;
    default:
      TRY(file(dest, entry, content));
  }
  return to_.finish(dest, attributes);
}

Result<void> Unpacker::directory(const Location& dest, const std::string& wanted,
                                 const Attributes& attributes) {
  const auto there = TRY(os::lstatat(dest.directory, dest.name));
  // A symlink to a directory in the image stays, and what follows goes through it.
  if (there && S_ISLNK(there->st_mode) && os::open_beneath(root_, wanted, O_PATH | O_DIRECTORY))
    return {};
  if (there && !S_ISDIR(there->st_mode)) TRY(make_room(dest));
  if (::mkdirat(dest.directory.get(), dest.name.c_str(), 0700) < 0 && errno != EEXIST)
    return fail(os_error("mkdir", dest.path));
  directories_[dest.path] = attributes.mtime;
  return to_.finish(dest, attributes);
}

Result<void> Unpacker::hard_link(const Location& dest, const archive::Entry& entry,
                                 const Attributes& attributes) {
  const std::string first = beneath(dest_, entry.link);
  const std::string parent = parent_of(first);
  const os::UniqueFd directory = TRY(os::open_beneath(root_, parent, O_PATH | O_DIRECTORY));
  TRY(to_.link({directory, name_of(first), first}, dest));
  return to_.record_link(dest, attributes.record);
}

// A device is an empty file, with a record.
Result<void> Unpacker::file(const Location& dest, const archive::Entry& entry, Source& content) {
  os::FileSink sink(TRY(create(dest, 0600)), dest.path);
  if (entry.type != EntryType::kFile) return {};
  TRY(os::require_space(sink.fd(), entry.size));
  (void)TRY(lichen::copy(content, sink));
  return {};
}

Result<void> Unpacker::set_times() {
  for (const auto& [path, mtime] : directories_) {
    const std::string parent = parent_of(path);
    const auto directory = os::open_beneath(root_, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const auto there = directory ? TRY(os::lstatat(*directory, name_of(path))) : std::nullopt;
    if (!there || !S_ISDIR(there->st_mode)) continue;
    const struct ::timespec times[2] = {mtime, mtime};
    if (::utimensat(directory->get(), name_of(path).c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", path));
  }
  return {};
}

}  // namespace

Result<bool> unpack(FileWriter& to, const SourceTree& from, const Selected& selected,
                    const std::string& dest, std::optional<Ownership> owner) {
  os::UniqueFd fd = TRY(os::open_beneath(from.root, selected.path, O_RDONLY | O_NONBLOCK));
  if (!S_ISREG(TRY(os::fstat(fd)).st_mode)) return false;
  os::FileSource file(std::move(fd), selected.path);
  auto opened = archive::open_decompressor(file);
  if (!opened) return false;
  archive::TarReader reader(**opened);
  auto entry = reader.next();
  if (!entry || !*entry) return false;  // what does not start with a tar header is a plain file
  (void)TRY(to.make_parents(dest, 0755, owner.value_or(Ownership{})));
  Unpacker unpacker(to, dest, owner);
  while (*entry) {
    TRY(unpacker.entry(std::move(**entry), reader));
    entry = reader.next();
    if (!entry) return fail(std::move(entry).error());
  }
  TRY(unpacker.set_times());
  return true;
}

}  // namespace lichen::ops
