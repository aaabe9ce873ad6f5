// A layer directory being filled, with the layers below it. Internal to store.
//
// Finds the directory that a layer's path means: through symlinks, which are resolved in the merged
// tree, and through directories that only lower layers have, which are made here with the
// attributes of the nearest one. Attributes of directories are set at the end, from the leaves up:
// until then they are writable.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "store/attributes.h"
#include "store/layers.h"
#include "store/tree.h"

namespace lichen::store {

class Upper {
 public:
  struct Directory {
    std::string path;  // the real one, in the merged tree
    os::UniqueFd fd;
    Layers::Parts below;  // the lower layers that are merged in here
    std::shared_ptr<Directory> parent;
  };
  using DirectoryPtr = std::shared_ptr<Directory>;

  static Result<std::unique_ptr<Upper>> open(const std::string& fs,
                                             const std::vector<std::string>& lower, Tier tier);

  // The directory `path` of the merged tree, made when it is absent and `create`; else null.
  Result<DirectoryPtr> directory(const std::string& path, bool create);

  struct Found {
    bool upper = false;
    std::size_t layer = 0;  // when not `upper`
    struct ::stat status {};
  };
  Result<std::optional<Found>> find(const Directory& directory, const std::string& name) const;

  // From this layer; what lower layers have comes to light again.
  Result<void> remove(const Directory& directory, const std::string& name);
  // Hides what lower layers have, if they have it.
  Result<void> white_out(const Directory& directory, const std::string& name);
  Result<void> set_opaque(Directory& directory);
  // There afterwards; what is no directory is replaced.
  Result<DirectoryPtr> make_directory(const DirectoryPtr& parent, const std::string& name);
  // The file, symlink or fifo `name` of a lower layer, into this one.
  Result<void> copy_up(const Directory& directory, const std::string& name, const Found& found);

  struct Attributes {
    mode_t mode = 0755;
    std::optional<struct ::timespec> mtime;
    Xattrs xattrs;
  };
  void set_attributes(const std::string& directory, Attributes attributes);
  Result<void> finish();  // once, last

  // mtime of directories that are made because a path implies them.
  void set_implied_mtime(std::int64_t seconds) { implied_mtime_ = seconds; }

 private:
  Upper(Tier tier, Layers lower) : tier_(tier), lower_(std::move(lower)) {}
  Result<DirectoryPtr> step(const DirectoryPtr& here, const std::string& name, bool create,
                            int& links);
  Result<DirectoryPtr> enter(const DirectoryPtr& parent, const std::string& name);
  Result<void> inherit(const Directory& directory);
  void forget_directories();

  Tier tier_;
  Layers lower_;
  DirectoryPtr root_;
  // By real path, and by the path that layers name it by. Bounded: they hold descriptors.
  std::unordered_map<std::string, DirectoryPtr> by_path_, by_name_;
  std::set<std::string> opaque_;
  std::map<std::string, Attributes> attributes_;
  std::int64_t implied_mtime_ = 0;
};

}  // namespace lichen::store
