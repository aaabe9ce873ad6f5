// The names in a stack of layers. For workers, as tree.h.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::store {

struct TreePath {
  std::string path;
  bool is_directory = false;
};

// All that the merged tree of `layers` (top first) has but its root, parents before children.
Result<std::vector<TreePath>> list_tree(const std::vector<std::string>& layers);

}  // namespace lichen::store
