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

// `created` in `root`, parents first: goes unless it has content. Directories keep their times.
void remove_stubs(const os::UniqueFd& root, const std::vector<std::string>& created);

// Directories of the merged root on the way to `targets`, as they are before anything is made.
// Calls in this order: settle() when the stubs are made and the step has not begun,
// forget_changed() when it has ended, prune() when the stubs are gone.
class CopiedUpDirectories {
 public:
  CopiedUpDirectories(const os::UniqueFd& root, const os::UniqueFd& upper,
                      const std::vector<std::string>& targets);
  // The step does not see that stubs were made: directories get their times back.
  void settle();
  // What the step itself changed is its own, though it may look as before.
  void forget_changed();
  // Those that are in the upper layer, empty and as they were, go from it. `kept`: what the layer
  // says of owners.
  void prune(const owners::Sidecar& kept) const;

 private:
  struct Directory {
    std::string path;  // relative
    struct ::stat before {
    }, settled{};
  };
  void add(const std::string& path);

  const os::UniqueFd& root_;
  const os::UniqueFd& upper_;
  std::vector<Directory> directories_;  // parents first
};

}  // namespace lichen::container
