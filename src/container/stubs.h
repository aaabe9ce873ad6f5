// What volumes leave in a layer when they are gone: the files and directories that were made for
// them to land on, and the directories that overlayfs copied up because of that. They are ours, not
// the step's, and are taken out again; what the step put something into stays.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "owners/record.h"

namespace lichen::container {

// `created` in `root`, parents first: goes unless it has content.
void remove_stubs(const os::UniqueFd& root, const std::vector<std::string>& created);

// Directories of the merged root on the way to `targets`, as they are before anything is made.
class CopiedUpDirectories {
 public:
  CopiedUpDirectories(const os::UniqueFd& root, const os::UniqueFd& upper,
                      const std::vector<std::string>& targets);
  // Those that are in the upper layer, empty and as they were, go from it. `kept`: what the layer
  // says of owners.
  void prune(const owners::Sidecar& kept) const;

 private:
  struct Directory {
    std::string path;  // relative
    struct ::stat before {};
  };
  void add(const os::UniqueFd& root, const std::string& path);

  const os::UniqueFd& upper_;
  std::vector<Directory> directories_;  // parents first
};

}  // namespace lichen::container
