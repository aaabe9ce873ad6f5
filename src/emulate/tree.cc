#include "emulate/tree.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/path.h"
#include "emulate/chown.h"
#include "emulate/place.h"
#include "os/file.h"

namespace lichen::emulate {

namespace {

constexpr std::size_t kMaxPath = 64u << 10;
constexpr std::size_t kMaxLookup = 4000;  // of one openat2; longer paths take several
constexpr char kOpaque[] = "user.overlay.opaque";
constexpr char kOpaqueName[] = ".wh..wh..opq";  // a whiteout, where there are no attributes

// A directory beneath `root`, however long its path is; nothing in it may be a symlink.
Result<os::UniqueFd> open_directory(const os::UniqueFd& root, std::string_view path) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  os::UniqueFd at = TRY(os::open_beneath(root, ".", kFlags));
  while (!path.empty()) {
    std::size_t size = path.size();
    if (size > kMaxLookup) {
      size = path.rfind('/', kMaxLookup);
      if (size == path.npos) return fail(os_error(ENAMETOOLONG, "open", std::string(path)));
    }
    at = TRY(os::open_beneath(at, std::string(path.substr(0, size)), kFlags));
    path.remove_prefix(std::min(size + 1, path.size()));
  }
  return at;
}

bool is_whiteout(const struct statx& status) {
  return S_ISCHR(status.stx_mode) && status.stx_rdev_major == 0 && status.stx_rdev_minor == 0;
}

bool is_mount(const struct statx& status) {
  return (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

class Walk {
 public:
  Walk(const FileTable& files, const os::UniqueFd& root, const os::UniqueFd& upper,
       const owners::Owners& below, Profile profile, std::uint32_t map_size)
      : files_(files),
        root_(root),
        upper_(upper),
        recorder_(below),
        profile_(profile),
        map_size_(map_size) {}

  Result<owners::Sidecar> run() {
    const auto status = status_of(root_);
    if (!status) return fail(os_error("stat", "/"));
    recorder_.set("", record_of(*status), true);
    std::vector<std::string> pending{""};
    while (!pending.empty()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      TRY(visit(path, pending));
    }
    return recorder_.take();
  }

 private:
  Result<void> visit(const std::string& path, std::vector<std::string>& pending) {
    if (path.size() > kMaxPath) {
      return fail(Errc::kUnsupported, "directories are nested too deeply to record their owners");
    }
    // Not by way of /proc/self, which in the container's /proc is nothing to us.
    const os::UniqueFd layer =
        TRY(os::openat(TRY(open_directory(upper_, path)), ".", O_RDONLY | O_DIRECTORY));
    const os::UniqueFd merged = TRY(open_directory(root_, path));
    std::vector<os::DirectoryEntry> entries = TRY(os::read_directory(layer));
    const bool is_marked =
        std::any_of(entries.begin(), entries.end(),
                    [](const os::DirectoryEntry& entry) { return entry.name == kOpaqueName; });
    if (is_marked || TRY(os::get_xattr(layer, kOpaque)) == "y") recorder_.opaque(path);
    const std::size_t first = pending.size();
    for (const os::DirectoryEntry& entry : entries) {
      const auto raw = status_of(layer, entry.name);
      if (!raw) continue;  // somebody of ours removed it meanwhile: nothing to report
      const std::string name = beneath(path, entry.name);
      if (is_whiteout(*raw)) {
        if (entry.name != kOpaqueName) recorder_.remove(name);
        continue;
      }
      const auto seen = status_of(merged, entry.name);
      if (!seen || is_mount(*seen)) continue;  // covered: the layer has only a mount point
      const bool is_directory = S_ISDIR(raw->stx_mode);
      recorder_.set(name, record_of(*seen), is_directory);
      if (is_directory) pending.push_back(name);
    }
    std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first), pending.end());
    return {};
  }

  owners::Record record_of(const struct statx& status) const {
    owners::Record record = files_.find(status).value_or(owners::Record{});
    if (profile_ != Profile::kDevices || record.is_default()) return record;
    return at_ids(record, status, map_size_);
  }

  const FileTable& files_;
  const os::UniqueFd& root_;
  const os::UniqueFd& upper_;
  owners::Owners::Recorder recorder_;
  Profile profile_;
  std::uint32_t map_size_;  // tier ids
};

}  // namespace

void load_records(FileTable& files, const os::UniqueFd& root, const owners::Owners& below,
                  bool is_copy) {
  for (const auto& [path, record] : below.all()) {
    if (is_covered(path)) continue;
    const auto file = path.size() > kMaxLookup
                          ? open_directory(root, path)
                          : os::open_beneath(root, path.empty() ? "." : path, O_PATH | O_NOFOLLOW);
    if (!file) continue;
    const auto status = status_of(*file);
    if (!status) continue;
    if (!is_copy || !files.put(*status, record)) files.put_lower(*status, record);
  }
}

Result<owners::Sidecar> read_records(const FileTable& files, const os::UniqueFd& root,
                                     const os::UniqueFd& upper, const owners::Owners& below,
                                     Profile profile, std::uint32_t map_size) {
  return Walk(files, root, upper, below, profile, map_size).run();
}

}  // namespace lichen::emulate
