// Small questions about files of layer directories; shared by apply, diff and the merged view.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/entry.h"
#include "base/result.h"
#include "os/fd.h"
#include "owners/record.h"
#include "store/tree.h"

namespace lichen::store {

inline constexpr char kOpaque[] = "user.overlay.opaque";
inline constexpr char kWhiteoutPrefix[] = ".wh.";
inline constexpr char kOpaqueMarker[] = ".wh..wh..opq";

std::string beneath(const std::string& directory, const std::string& name);
std::string parent_of(const std::string& path);
std::string name_of(const std::string& path);

bool is_whiteout(const struct ::stat& status);
Result<bool> is_opaque(const os::UniqueFd& directory);

// Layer directories opened once, top first.
class Layers {
 public:
  static Result<Layers> open(const std::vector<std::string>& directories);
  const std::vector<os::UniqueFd>& roots() const { return roots_; }
  // What the merged view has at `path` (no symlink on the way is followed); nullopt: nothing, or it
  // was removed. Tells the layer that it comes from.
  struct Found {
    std::size_t layer = 0;
    struct ::stat status {};
  };
  Result<std::optional<Found>> find(const std::string& path) const;

 private:
  std::vector<os::UniqueFd> roots_;
};

// The tar entry of a file without its path: type, mode, owner (from its record where one stands),
// mtime, link target, xattrs that travel.
Result<archive::Entry> entry_of(const os::UniqueFd& directory, const std::string& name,
                                const struct ::stat& status, TierKind tier,
                                const owners::Record* record, const DiffOptions& options);

// Writes an entry and its content; a later name of a file that has several is a hard link entry.
Result<void> write_entry(archive::Entry entry, const os::UniqueFd& directory,
                         const std::string& name, const struct ::stat& status,
                         std::map<std::pair<dev_t, ino_t>, std::string>& first_names,
                         archive::TarWriter& tar);

// security.capability as every kernel reads it: v3 (with a root uid) becomes v2.
std::string normal_capability(std::string value);

}  // namespace lichen::store
