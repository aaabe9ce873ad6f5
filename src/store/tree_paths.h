// The names in a stack of layers, and what its files hold. For workers, as tree.h.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::store {

struct TreePath {
  std::string path;
  bool is_directory = false;
};

// All that the merged tree of `layers` (top first) has but its root, parents before children.
Result<std::vector<TreePath>> list_tree(const std::vector<std::string>& layers);

struct TreeFile {
  std::string path;
  Digest digest;
};

// The merged tree's regular files, in the order of names.
Result<std::vector<TreeFile>> digest_tree(const std::vector<std::string>& layers);

}  // namespace lichen::store
