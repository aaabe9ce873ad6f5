#include "store/layer_file.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/text.h"
#include "os/file.h"

namespace lichen::store {

std::string beneath(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

bool is_whiteout(const struct ::stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

Result<bool> is_opaque(const os::UniqueFd& directory) {
  const auto value = TRY(os::get_xattr(directory, kOpaque));
  return value && *value == "y";
}

Result<Layers> Layers::open(const std::vector<std::string>& directories) {
  Layers layers;
  for (const std::string& directory : directories)
    layers.roots_.push_back(TRY(os::open(directory, O_PATH | O_DIRECTORY)));
  return layers;
}

Result<std::optional<Layers::Found>> Layers::find(const std::string& path) const {
  const std::vector<std::string> parts = split(path, '/');
  for (std::size_t layer = 0; layer < roots_.size(); ++layer) {
    os::UniqueFd directory = TRY(os::duplicate(roots_[layer]));
    bool hidden = false;  // what lower layers have here is hidden by this one
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (path.empty()) break;
      const auto status = TRY(os::lstatat(directory, parts[i]));
      if (!status) {
        hidden = hidden || TRY(is_opaque(directory));
        break;
      }
      if (i + 1 == parts.size()) {
        if (is_whiteout(*status)) return std::nullopt;
        return Found{layer, *status};
      }
      if (!S_ISDIR(status->st_mode)) return std::nullopt;  // also a whiteout
      os::UniqueFd child = TRY(os::openat(directory, parts[i], O_PATH | O_DIRECTORY | O_NOFOLLOW));
      if (TRY(is_opaque(child))) hidden = true;
      directory = std::move(child);
    }
    if (path.empty()) return Found{layer, TRY(os::fstat(directory))};
    if (hidden) return std::nullopt;
  }
  return std::nullopt;
}

std::string normal_capability(std::string value) {
  // struct vfs_ns_cap_data (linux/capability.h): magic_etc, 2 x {permitted, inheritable}, rootid.
  constexpr std::size_t kV2Bytes = 20, kV3Bytes = 24;
  if (value.size() != kV3Bytes || value[3] != 3) return value;
  value.resize(kV2Bytes);
  value[3] = 2;
  return value;
}

namespace {

Result<std::map<std::string, std::string>> travelling_xattrs(const os::UniqueFd& directory,
                                                             const std::string& name) {
  std::map<std::string, std::string> travelling;
  const os::UniqueFd fd = TRY(os::openat(directory, name, O_PATH | O_NOFOLLOW));
  for (auto& [key, value] : TRY(os::list_xattrs(fd))) {
    // overlayfs' own names are escaped once in a layer: user.overlay.overlay.x means
    // user.overlay.x.
    if (starts_with(key, "user.overlay.overlay."))
      travelling["user.overlay." + key.substr(21)] = value;
    else if (starts_with(key, "user.") && !starts_with(key, "user.overlay."))
      travelling[key] = value;
    else if (key == "security.capability")
      travelling[key] = normal_capability(value);
  }
  return travelling;
}

}  // namespace

Result<archive::Entry> entry_of(const os::UniqueFd& directory, const std::string& name,
                                const struct ::stat& status, TierKind tier,
                                const owners::Record* record, const DiffOptions& options) {
  using archive::EntryType;
  archive::Entry entry;
  entry.mode = status.st_mode & 07777;
  entry.mtime_s = status.st_mtim.tv_sec;
  if (options.clamp_mtime) entry.mtime_s = std::min(entry.mtime_s, *options.clamp_mtime);
  if (tier == TierKind::kIds) {
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
  }
  if (record != nullptr && (tier == TierKind::kUserns || !record->is_default())) {
    entry.uid = record->uid;
    entry.gid = record->gid;
  }
  if (S_ISDIR(status.st_mode)) {
    entry.type = EntryType::kDirectory;
  } else if (S_ISLNK(status.st_mode)) {
    entry.type = EntryType::kSymlink;
    entry.mode = 0777;
    entry.link = TRY(os::readlinkat(directory, name));
  } else if (S_ISFIFO(status.st_mode)) {
    entry.type = EntryType::kFifo;
  } else if (record != nullptr && record->type != 0) {
    entry.type = record->type == S_IFCHR ? EntryType::kCharDevice : EntryType::kBlockDevice;
    entry.dev_major = record->dev_major;
    entry.dev_minor = record->dev_minor;
  } else {
    entry.type = EntryType::kFile;
    entry.size = static_cast<std::uint64_t>(status.st_size);
  }
  if (entry.type == EntryType::kFile || entry.type == EntryType::kDirectory)
    entry.xattrs = TRY(travelling_xattrs(directory, name));
  return entry;
}

}  // namespace lichen::store
