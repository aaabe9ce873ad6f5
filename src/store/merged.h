// Walks a stack of layers as one tree. Internal to store.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"
#include "os/fd.h"
#include "store/layers.h"

namespace lichen::store {

class MergedVisitor {
 public:
  MergedVisitor() = default;
  MergedVisitor(const MergedVisitor&) = delete;
  MergedVisitor& operator=(const MergedVisitor&) = delete;
  virtual ~MergedVisitor() = default;
  // Before its entries, and after them. "" is the root.
  virtual Result<void> enter(const os::UniqueFd& fd, const std::string& path,
                             const struct ::stat& status) = 0;
  virtual Result<void> leave(const std::string& path, const struct ::stat& status) = 0;
  // Anything that is no directory; it is `path` in the directory `layer`.
  virtual Result<void> file(const os::UniqueFd& layer, const std::string& path,
                            const struct ::stat& status) = 0;
};

// In the order of names.
Result<void> walk_merged(const Layers& layers, MergedVisitor& visitor);

}  // namespace lichen::store
