#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "base/text.h"
#include "os/file.h"
#include "store/layer_file.h"
#include "store/tree.h"

namespace lichen::store {

namespace {

using archive::Entry;
using archive::EntryType;

constexpr int kMaxSymlinks = 40;                // as the kernel
constexpr std::size_t kCachedDirectories = 64;  // tar archives are sorted more or less

class Apply {
 public:
  Apply(os::UniqueFd root, const Layers& lower, TierKind tier, const owners::Owners& below)
      : root_(std::move(root)), lower_(lower), tier_(tier), below_(below), recorder_(below) {}

  Result<void> add(const Entry& entry, Source& content);
  Result<void> finish();
  owners::Sidecar take_sidecar() { return recorder_.take(); }

 private:
  struct Place {
    std::shared_ptr<os::UniqueFd> directory;
    std::string path;  // of the directory in the layer, symlinks resolved
  };
  Result<Place> directory_of(const std::string& path);
  Result<void> make_implied(const os::UniqueFd& directory, const std::string& name,
                            const std::string& path);
  Result<void> whiteout(const Place& place, const std::string& name);
  Result<void> opaque(const Place& place);
  Result<bool> make_room(const Place& place, const std::string& name, bool directory);
  Result<void> create(const Entry& entry, const Place& place, const std::string& name,
                      Source& content);
  Result<void> hard_link(const Entry& entry, const Place& place, const std::string& name);
  Result<void> copy_up(const Place& place, const std::string& name, const Layers::Found& from,
                       const std::string& path);
  Result<void> set_attributes(const Entry& entry, const Place& place, const std::string& name);
  Result<void> set_xattrs(const Entry& entry, const os::UniqueFd& fd);

  os::UniqueFd root_;
  const Layers& lower_;
  TierKind tier_;
  const owners::Owners& below_;
  owners::Owners::Recorder recorder_;
  std::unordered_map<std::string, Place> cache_;
  std::unordered_map<std::string, owners::Record> records_;  // of this layer, not default
  std::vector<std::pair<std::string, struct ::timespec>> directory_times_;
};

// A directory that the layer only implies looks as the nearest lower layer has it.
Result<void> Apply::make_implied(const os::UniqueFd& directory, const std::string& name,
                                 const std::string& path) {
  const auto lower = TRY(lower_.find(path));
  const bool known = lower && S_ISDIR(lower->status.st_mode);
  if (::mkdirat(directory.get(), name.c_str(), 0755) < 0) return fail(os_error("mkdir", path));
  if (!known) return {};
  const struct ::stat& status = lower->status;
  if (tier_ == TierKind::kIds && ::fchownat(directory.get(), name.c_str(), status.st_uid,
                                            status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("chown", path));
  if (::fchmodat(directory.get(), name.c_str(), status.st_mode & 07777, 0) < 0)
    return fail(os_error("chmod", path));
  directory_times_.emplace_back(path, status.st_mtim);
  return {};
}

// The layer's directory at `path`, made where the layer does not have it yet. Real images go
// through directories that are symlinks in a layer below (lib -> usr/lib): those are followed,
// inside the merged tree, and the entry lands where they lead.
Result<Apply::Place> Apply::directory_of(const std::string& path) {
  if (const auto known = cache_.find(path); known != cache_.end()) return known->second;
  std::vector<std::string> todo;  // components, next one last
  const auto push = [&todo](const std::string& text) {
    std::vector<std::string> parts = split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
      if (!part->empty() && *part != ".") todo.push_back(std::move(*part));
  };
  push(path);
  std::string at;
  os::UniqueFd directory = TRY(os::duplicate(root_));
  const auto restart = [&](const std::string& from) -> Result<void> {
    at = from;
    directory = from.empty()
                    ? TRY(os::duplicate(root_))
                    : TRY(os::open_beneath(root_, from, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    return {};
  };
  int symlinks = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == "..") {
      TRY(restart(parent_of(at)));
      continue;
    }
    const std::string next = beneath(at, name);
    auto status = TRY(os::lstatat(directory, name));
    std::string target;
    if (status && is_whiteout(*status)) {
      if (::unlinkat(directory.get(), name.c_str(), 0) < 0) return fail(os_error("unlink", next));
      if (::mkdirat(directory.get(), name.c_str(), 0755) < 0) return fail(os_error("mkdir", next));
      const os::UniqueFd made = TRY(os::openat(directory, name, O_PATH | O_DIRECTORY));
      TRY(os::set_xattr(made, kOpaque, "y"));
    } else if (status && S_ISLNK(status->st_mode)) {
      target = TRY(os::readlinkat(directory, name));
    } else if (!status) {
      const auto lower = TRY(lower_.find(next));
      if (lower && S_ISLNK(lower->status.st_mode))
        target = TRY(os::readlinkat(lower_.roots()[lower->layer], next));
      else
        TRY(make_implied(directory, name, next));
    } else if (!S_ISDIR(status->st_mode)) {
      return fail(Errc::kCorrupt,
                  "/" + printable(next) + " is a file, but the layer puts files in it");
    }
    if (!target.empty()) {
      if (++symlinks > kMaxSymlinks)
        return fail(Errc::kCorrupt, "too many symlinks on the way to " + printable(path));
      push(target);
      if (starts_with(target, "/")) TRY(restart(""));
      continue;
    }
    directory = TRY(os::openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    at = next;
  }
  Place place{std::make_shared<os::UniqueFd>(std::move(directory)), at};
  if (cache_.size() >= kCachedDirectories) cache_.clear();
  return cache_[path] = std::move(place);
}

Result<void> Apply::whiteout(const Place& place, const std::string& name) {
  if (name.empty() || name == "." || name == "..")
    return fail(Errc::kCorrupt, "a whiteout without a name");
  const std::string path = beneath(place.path, name);
  cache_.clear();
  TRY(os::remove_tree(*place.directory, name));
  recorder_.remove(path);
  // A whiteout where nothing is below is legal for the kernel, but would show in our next diff.
  if (!TRY(lower_.find(path))) return {};
  if (::mknodat(place.directory->get(), name.c_str(), S_IFCHR, ::makedev(0, 0)) < 0)
    return fail(os_error("mknod", "a whiteout for " + path));
  return {};
}

Result<void> Apply::opaque(const Place& place) {
  recorder_.opaque(place.path);
  const auto lower = TRY(lower_.find(place.path));
  if (!lower || !S_ISDIR(lower->status.st_mode)) return {};
  return os::set_xattr(*place.directory, kOpaque, "y");
}

// Clears the way for an entry. True: a directory is there already and stays.
Result<bool> Apply::make_room(const Place& place, const std::string& name, bool directory) {
  const auto status = TRY(os::lstatat(*place.directory, name));
  if (!status) return false;
  if (directory && S_ISDIR(status->st_mode)) return true;
  if (S_ISDIR(status->st_mode)) cache_.clear();
  TRY(os::remove_tree(*place.directory, name));
  return false;
}

Result<void> Apply::set_xattrs(const Entry& entry, const os::UniqueFd& fd) {
  for (const auto& [name, value] : entry.xattrs) {
    // overlayfs' own names must not be smuggled in; others than these mean nothing in a namespace.
    std::string key = name;
    if (starts_with(name, "user.overlay.")) key = "user.overlay." + name.substr(5);
    if (key != "security.capability" && !starts_with(key, "user.")) continue;
    auto set =
        os::set_xattr(fd, key, key == "security.capability" ? normal_capability(value) : value);
    if (!set && set.error().code != Errc::kUnsupported) return set;
  }
  return {};
}

// Owner first: chown clears setuid bits and capabilities.
Result<void> Apply::set_attributes(const Entry& entry, const Place& place,
                                   const std::string& name) {
  const std::string path = beneath(place.path, name);
  owners::Record record{.uid = static_cast<std::uint32_t>(entry.uid),
                        .gid = static_cast<std::uint32_t>(entry.gid)};
  const int directory = place.directory->get();
  bool mapped = false;
  if (tier_ == TierKind::kIds) {
    mapped = ::fchownat(directory, name.c_str(), record.uid, record.gid, AT_SYMLINK_NOFOLLOW) == 0;
    if (!mapped && errno != EINVAL) return fail(os_error("chown", path));
  }
  const bool device = entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice;
  if (device) {
    record.type = entry.type == EntryType::kCharDevice ? S_IFCHR : S_IFBLK;
    record.dev_major = entry.dev_major;
    record.dev_minor = entry.dev_minor;
  } else if (mapped) {
    record = {};
  }
  if (entry.type != EntryType::kSymlink) {
    if (::fchmodat(directory, name.c_str(), entry.mode & 07777, 0) < 0)
      return fail(os_error("chmod", path));
    if (!entry.xattrs.empty())
      TRY(set_xattrs(entry, TRY(os::openat(*place.directory, name, O_PATH | O_NOFOLLOW))));
  }
  const struct ::timespec mtime {
    .tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)
  };
  if (entry.type == EntryType::kDirectory) {
    directory_times_.emplace_back(path, mtime);  // files are still put into it
  } else {
    const struct ::timespec times[2] = {mtime, mtime};
    if (::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", path));
  }
  recorder_.set(path, record, entry.type == EntryType::kDirectory);
  if (record.is_default())
    records_.erase(path);
  else
    records_[path] = record;
  return {};
}

Result<void> Apply::copy_up(const Place& place, const std::string& name, const Layers::Found& from,
                            const std::string& path) {
  const os::UniqueFd source =
      TRY(os::open_beneath(lower_.roots()[from.layer], path, O_RDONLY | O_NOFOLLOW));
  const os::UniqueFd to =
      TRY(os::openat(*place.directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  (void)TRY(os::copy_content(source, to));
  Entry entry =
      TRY(entry_of(lower_.roots()[from.layer], path, from.status, tier_, below_.find(path), {}));
  entry.mtime_ns = static_cast<std::uint32_t>(from.status.st_mtim.tv_nsec);
  return set_attributes(entry, place, name);
}

Result<void> Apply::hard_link(const Entry& entry, const Place& place, const std::string& name) {
  const Place other = TRY(directory_of(parent_of(entry.link)));
  const std::string other_name = name_of(entry.link);
  const std::string other_path = beneath(other.path, other_name);
  const auto status = TRY(os::lstatat(*other.directory, other_name));
  if (!status || is_whiteout(*status)) {
    const auto lower = status ? std::nullopt : TRY(lower_.find(other_path));
    if (!lower || !S_ISREG(lower->status.st_mode))
      return fail(Errc::kCorrupt, "hard link to " + printable(entry.link) + ", which is not there");
    TRY(copy_up(other, other_name, *lower, other_path));
  }
  if (::linkat(other.directory->get(), other_name.c_str(), place.directory->get(), name.c_str(),
               0) < 0)
    return fail(os_error("link", entry.path));
  const auto record = records_.find(other_path);
  const owners::Record same = record == records_.end() ? owners::Record{} : record->second;
  recorder_.set(beneath(place.path, name), same, false);
  if (!same.is_default()) records_[beneath(place.path, name)] = same;
  return {};
}

Result<void> Apply::create(const Entry& entry, const Place& place, const std::string& name,
                           Source& content) {
  const int directory = place.directory->get();
  switch (entry.type) {
    case EntryType::kDirectory:
      return {};
    case EntryType::kSymlink:
      if (::symlinkat(entry.link.c_str(), directory, name.c_str()) < 0)
        return fail(os_error("symlink", entry.path));
      return {};
    case EntryType::kFifo:
      if (::mknodat(directory, name.c_str(), S_IFIFO | 0600, 0) < 0)
        return fail(os_error("mkfifo", entry.path));
      return {};
    default: {
      os::FileSink sink(
          TRY(os::openat(*place.directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)),
          entry.path);
      if (entry.type == EntryType::kFile && entry.size > 0) (void)TRY(copy(content, sink));
      return {};
    }
  }
}

Result<void> Apply::add(const Entry& entry, Source& content) {
  if (entry.path.empty()) {  // the root directory itself
    if (entry.type != EntryType::kDirectory)
      return fail(Errc::kCorrupt, "the root is not a directory");
    const Place place{std::make_shared<os::UniqueFd>(TRY(os::duplicate(root_))), ""};
    if (tier_ == TierKind::kIds) (void)::fchownat(root_.get(), ".", entry.uid, entry.gid, 0);
    if (::fchmodat(root_.get(), ".", entry.mode & 07777, 0) < 0)
      return fail(os_error("chmod", "/"));
    directory_times_.emplace_back("", timespec{entry.mtime_s, 0});
    return {};
  }
  const Place place = TRY(directory_of(parent_of(entry.path)));
  const std::string name = name_of(entry.path);
  if (name == kOpaqueMarker) return opaque(place);
  if (starts_with(name, kWhiteoutPrefix)) {
    if (starts_with(name, ".wh..wh.")) return {};  // other bookkeeping of AUFS
    return whiteout(place, name.substr(4));
  }
  const bool is_directory = entry.type == EntryType::kDirectory;
  const auto before = TRY(os::lstatat(*place.directory, name));
  const bool replaces_whiteout = before && is_whiteout(*before);
  const bool stays = TRY(make_room(place, name, is_directory));
  if (entry.type == EntryType::kHardlink) return hard_link(entry, place, name);
  if (is_directory && !stays) {
    if (::mkdirat(place.directory->get(), name.c_str(), 0700) < 0)
      return fail(os_error("mkdir", entry.path));
    if (replaces_whiteout) {
      const os::UniqueFd made = TRY(os::openat(*place.directory, name, O_PATH | O_DIRECTORY));
      TRY(os::set_xattr(made, kOpaque, "y"));
    }
  }
  TRY(create(entry, place, name, content));
  return set_attributes(entry, place, name);
}

Result<void> Apply::finish() {
  cache_.clear();
  for (auto it = directory_times_.rbegin(); it != directory_times_.rend(); ++it) {
    const auto directory = os::open_beneath(root_, it->first.empty() ? "." : it->first,
                                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) continue;  // it was replaced later in the same layer
    const struct ::timespec times[2] = {it->second, it->second};
    if (::futimens(directory->get(), times) < 0) return fail(os_error("utimens", it->first));
  }
  return {};
}

}  // namespace

Result<ApplyResult> apply_layer(Source& blob, const std::string& fs,
                                const std::vector<std::string>& lower, TierKind tier,
                                const owners::Owners& below) {
  const Layers layers = TRY(Layers::open(lower));
  const auto plain = TRY(archive::open_decompressor(blob));
  HashingSource hashing(*plain);
  archive::TarReader reader(hashing);
  Apply apply(TRY(os::open(fs, O_PATH | O_DIRECTORY)), layers, tier, below);
  while (auto entry = TRY(reader.next())) {
    auto added = apply.add(*entry, reader);
    if (!added) return fail(std::move(added).error().in("/" + printable(entry->path)));
  }
  TRY(apply.finish());
  ApplyResult result;
  result.diff_id = TRY(hashing.drain());
  result.sidecar = apply.take_sidecar();
  return result;
}

}  // namespace lichen::store
