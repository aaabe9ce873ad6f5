// Checks a store, and repairs it by removing what cannot be used: records of what is not there,
// damaged blobs and trees with all that stands on them, images that lack something.
//
//   const Checked checked = TRY(fsck(store, {.deep = true}));
//   for (const std::string& problem : checked.problems) …
//
// Other processes may go on meanwhile; what they use is not repaired.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::store {

class Store;

struct FsckOptions {
  bool deep = false;  // every blob is hashed, every sidecar read
  bool repair = false;
};

struct Checked {
  std::vector<std::string> problems;  // a sentence each, and what came of its repair
  std::size_t left = 0;               // of them, after repairs
  std::vector<std::string> garbage;   // to be removed by the caller
};

Result<Checked> fsck(Store& store, const FsckOptions& options);

}  // namespace lichen::store
