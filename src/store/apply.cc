// A layer's tar into a layer directory. Upper knows where things go; this file knows what a tar's
// entries mean.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <set>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "base/path.h"
#include "base/text.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/read_ahead.h"
#include "store/tree.h"
#include "store/upper.h"

namespace lichen::store {

namespace {

using archive::Entry;
using archive::EntryType;

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";
constexpr std::size_t kBufferBytes = 256 * 1024;

// Of this process; files are made with their final mode where it lets that through.
mode_t current_umask() {
  constexpr std::string_view kKey = "\nUmask:\t";
  const auto status = os::find_file("/proc/self/status");
  if (!status || !*status) return 0777;
  const std::size_t at = (*status)->find(kKey);
  unsigned mask = 0777;
  if (at != std::string::npos) {
    const char* digits = (*status)->data() + at + kKey.size();
    std::from_chars(digits, (*status)->data() + (*status)->size(), mask, 8);
  }
  return mask;
}

class Applier {
 public:
  Applier(Upper& upper, Tier tier, const owners::Owners& below)
      : upper_(upper), tier_(tier), below_(below), recorder_(below), umask_(current_umask()) {
    buffer_.resize(kBufferBytes);
  }

  Result<void> apply(const Entry& entry, Source& content);
  owners::Sidecar take_sidecar() { return recorder_.take(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Directory = Upper::Directory;
  using DirectoryPtr = Upper::DirectoryPtr;

  Result<void> apply_marker(const Entry& entry, const std::string& name);
  Result<void> apply_root(const Entry& entry);
  Result<void> own_directory(const Directory& directory, const Entry& entry);
  Result<void> make_directory(const DirectoryPtr& parent, const std::string& name,
                              const Entry& entry);
  Result<void> make_file(const Directory& parent, const std::string& name, const Entry& entry,
                         Source& content);
  Result<void> make_link(const DirectoryPtr& parent, const std::string& name, const Entry& entry);
  Result<void> make_special(const Directory& parent, const std::string& name, const Entry& entry);
  Result<os::UniqueFd> create(const Directory& parent, const std::string& name, mode_t mode);
  Result<void> set_times(const Directory& parent, const std::string& name, const Entry& entry);
  void record(const std::string& path, const owners::Record& record, bool is_directory);
  void forget_records(const std::string& path, bool itself);

  Upper& upper_;
  Tier tier_;
  const owners::Owners& below_;
  owners::Owners::Recorder recorder_;
  std::map<std::string, owners::Record> records_;  // of this layer, but the default ones
  mode_t umask_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

struct ::timespec mtime_of(const Entry& entry) {
  return {.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)};
}

void Applier::record(const std::string& path, const owners::Record& record, bool is_directory) {
  if (!is_directory) forget_records(path, true);
  if (record.is_default())
    records_.erase(path);
  else
    records_[path] = record;
  recorder_.set(path, record, is_directory);
}

void Applier::forget_records(const std::string& path, bool itself) {
  if (itself) records_.erase(path);
  if (path.empty()) return records_.clear();
  records_.erase(records_.lower_bound(path + "/"), records_.lower_bound(path + "0"));
}

Result<void> Applier::apply(const Entry& entry, Source& content) {
  if (entry.path.empty()) return apply_root(entry);
  upper_.set_implied_mtime(entry.mtime_s);
  const std::string name = name_of(entry.path);
  // aufs' own bookkeeping, always in the root.
  if (starts_with(entry.path, kAufs) && name != kOpaqueMarker) return {};
  if (starts_with(name, kWhiteout)) return apply_marker(entry, name);
  const DirectoryPtr parent = TRY(upper_.directory(parent_of(entry.path), true));
  switch (entry.type) {
    case EntryType::kDirectory:
      return make_directory(parent, name, entry);
    case EntryType::kHardlink:
      return make_link(parent, name, entry);
    case EntryType::kFile:
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      return make_file(*parent, name, entry, content);
    case EntryType::kSymlink:
    case EntryType::kFifo:
      return make_special(*parent, name, entry);
  }
  return fail(Errc::kInternal, "unknown type of entry");
}

// The directory may be there already, with another owner.
Result<void> Applier::own_directory(const Directory& directory, const Entry& entry) {
  if (tier_ == Tier::kIds && ::fchown(directory.fd.get(), 0, 0) < 0)
    return fail(os_error("chown", directory.path));
  owners::Record owner = TRY(give(tier_, directory.fd, "", entry.uid, entry.gid));
  const mode_t mode = record_attributes(tier_, entry.mode, true, entry.xattrs, owner);
  record(directory.path, owner, true);
  upper_.set_attributes(directory.path,
                        {.mode = mode, .mtime = mtime_of(entry), .xattrs = entry.xattrs});
  return {};
}

Result<void> Applier::apply_root(const Entry& entry) {
  if (entry.type != EntryType::kDirectory)
    return fail(Errc::kCorrupt, "the root of the layer is not a directory");
  const DirectoryPtr root = TRY(upper_.directory("", true));
  return own_directory(*root, entry);
}

// Whiteouts concern lower layers; when this layer's own tar had the path before, the later entry
// wins there too.
Result<void> Applier::apply_marker(const Entry& entry, const std::string& name) {
  const std::string target = name.substr(kWhiteout.size());
  if (target.empty() || target == "." || target == "..")
    return fail(Errc::kCorrupt, "whiteout of nothing");
  const DirectoryPtr parent = TRY(upper_.directory(parent_of(entry.path), false));
  if (parent == nullptr) return {};
  if (name == kOpaqueMarker) {
    TRY(upper_.set_opaque(*parent));
    recorder_.opaque(parent->path);
    // It says nothing about what this layer has there already.
    const std::string prefix = parent->path.empty() ? "" : parent->path + "/";
    for (auto it = records_.lower_bound(prefix);
         it != records_.end() && starts_with(it->first, prefix); ++it)
      recorder_.set(it->first, it->second, true);
    return {};
  }
  TRY(upper_.white_out(*parent, target));
  const std::string path = beneath(parent->path, target);
  forget_records(path, true);
  recorder_.remove(path);
  return {};
}

Result<void> Applier::make_directory(const DirectoryPtr& parent, const std::string& name,
                                     const Entry& entry) {
  const DirectoryPtr made = TRY(upper_.make_directory(parent, name));
  return own_directory(*made, entry);
}

Result<os::UniqueFd> Applier::create(const Directory& parent, const std::string& name,
                                     mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  auto fd = os::openat(parent.fd, name, kFlags, mode);
  if (fd || fd.error().os_errno != EEXIST) return fd;
  TRY(upper_.remove(parent, name));
  return os::openat(parent.fd, name, kFlags, mode);
}

Result<void> Applier::make_file(const Directory& parent, const std::string& name,
                                const Entry& entry, Source& content) {
  const std::string path = beneath(parent.path, name);
  owners::Record attributes;
  const mode_t mode = record_attributes(tier_, entry.mode, false, entry.xattrs, attributes);
  // chown takes the upper bits away, and attributes want a writable file.
  const bool at_once = (mode & 07000) == 0 && (mode & umask_) == 0 && entry.xattrs.empty();
  const os::UniqueFd fd = TRY(create(parent, name, at_once ? mode : 0600));
  if (entry.type == EntryType::kFile) {
    TRY(os::require_space(fd, entry.size));
    while (const std::size_t count = TRY(content.read(buffer_.data(), buffer_.size()))) {
      TRY(os::write_all(fd, {buffer_.data(), count}));
      bytes_ += count;
    }
  }
  owners::Record owner = TRY(give(tier_, parent.fd, name, entry.uid, entry.gid));
  if (entry.type != EntryType::kFile)
    owner = {.uid = static_cast<std::uint32_t>(entry.uid),
             .gid = static_cast<std::uint32_t>(entry.gid),
             .type = entry.type == EntryType::kCharDevice ? static_cast<std::uint32_t>(S_IFCHR)
                                                          : static_cast<std::uint32_t>(S_IFBLK),
             .dev_major = entry.dev_major,
             .dev_minor = entry.dev_minor};
  owner.mode = attributes.mode;
  owner.capability = std::move(attributes.capability);
  if (!entry.xattrs.empty()) TRY(set_image_xattrs(tier_, fd, entry.xattrs));
  if (!at_once && ::fchmod(fd.get(), mode) < 0) return fail(os_error("chmod", path));
  const struct ::timespec times[2] = {mtime_of(entry), mtime_of(entry)};
  if (::futimens(fd.get(), times) < 0) return fail(os_error("utimens", path));
  record(path, owner, false);
  return {};
}

Result<void> Applier::make_special(const Directory& parent, const std::string& name,
                                   const Entry& entry) {
  const std::string path = beneath(parent.path, name);
  const auto make = [&] {
    return entry.type == EntryType::kSymlink
               ? ::symlinkat(entry.link.c_str(), parent.fd.get(), name.c_str())
               : ::mknodat(parent.fd.get(), name.c_str(), S_IFIFO | 0600, 0);
  };
  if (make() < 0) {
    if (errno != EEXIST) return fail(os_error("create", path));
    TRY(upper_.remove(parent, name));
    if (make() < 0) return fail(os_error("create", path));
  }
  owners::Record owner = TRY(give(tier_, parent.fd, name, entry.uid, entry.gid));
  if (entry.type == EntryType::kFifo) {
    const mode_t mode = record_attributes(tier_, entry.mode, false, {}, owner);
    if (::fchmodat(parent.fd.get(), name.c_str(), mode, 0) < 0)
      return fail(os_error("chmod", path));
  }
  const struct ::timespec times[2] = {mtime_of(entry), mtime_of(entry)};
  if (::utimensat(parent.fd.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("utimens", path));
  record(path, owner, false);
  return {};
}

// The target's metadata counts, not the entry's: it is the same file.
Result<void> Applier::make_link(const DirectoryPtr& parent, const std::string& name,
                                const Entry& entry) {
  const std::string path = beneath(parent->path, name);
  const std::string target_name = name_of(entry.link);
  const DirectoryPtr from = TRY(upper_.directory(parent_of(entry.link), false));
  const auto found =
      from == nullptr || target_name.empty() ? std::nullopt : TRY(upper_.find(*from, target_name));
  if (!found)
    return fail(Errc::kCorrupt, "hard link to " + printable(entry.link) + ", which is not there");
  if (S_ISDIR(found->status.st_mode))
    return fail(Errc::kCorrupt, "hard link to the directory " + printable(entry.link));
  const std::string target = beneath(from->path, target_name);
  if (target == path) return {};
  if (!found->upper) {
    TRY(upper_.copy_up(*from, target_name, *found));
    if (const owners::Record* record = below_.find(target)) records_[target] = *record;
  }
  const auto link = [&] {
    return ::linkat(from->fd.get(), target_name.c_str(), parent->fd.get(), name.c_str(), 0);
  };
  int rc = link();
  if (rc < 0 && errno == EEXIST) {
    TRY(upper_.remove(*parent, name));
    rc = link();
  }
  if (rc < 0) return fail(os_error("link", path));
  const auto known = records_.find(target);
  record(path, known == records_.end() ? owners::Record{} : known->second, false);
  return {};
}

}  // namespace

Result<owners::Owners> load_owners(const std::vector<std::string>& sidecars) {
  owners::Owners owners;
  for (const std::string& path : sidecars) {
    const auto bytes = TRY(os::find_file(path));
    if (!bytes) continue;
    auto sidecar = owners::parse_sidecar(*bytes);
    if (!sidecar) return fail(std::move(sidecar).error().in(path));
    owners.apply(*sidecar);
  }
  return owners;
}

Result<ApplyResult> apply_layer(Source& blob, const std::string& fs,
                                const std::vector<std::string>& lower, Tier tier,
                                const owners::Owners& below) {
  const std::unique_ptr<Upper> upper = TRY(Upper::open(fs, lower, tier));
  const std::unique_ptr<Source> plain = TRY(archive::open_decompressor(blob));
  HashingSource hashed(*plain);
  Applier applier(*upper, tier, below);
  ApplyResult result;
  {
    ReadAhead ahead(hashed);
    archive::TarReader tar(ahead);
    while (const auto entry = TRY(tar.next())) {
      auto applied = applier.apply(*entry, tar);
      if (!applied) return fail(std::move(applied).error().in("/" + printable(entry->path)));
      ++result.entries;
    }
    TRY(ahead.drain());
  }
  TRY(upper->finish());
  result.diff_id = TRY(hashed.drain());
  result.sidecar = applier.take_sidecar();
  result.bytes = applier.bytes();
  return result;
}

}  // namespace lichen::store
