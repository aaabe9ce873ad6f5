// A stack of layers as one directory, while a job works on it: mounted (or a copy, where overlayfs
// cannot be had), or at tier bare made of hard links and removed with the value. Where there is no
// layer below, it is the new layer's own directory.
//
//   View dest = TRY(View::open({.lower = …, .upper = …, .work = …, .target = …}, tier));
//   … write beneath dest.root() …
//   owners::Sidecar sidecar = TRY(dest.harvest(below, written));  // at tier bare: fills `upper`
//
// Mounts go away with the worker's mount namespace. For one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "container/merged.h"
#include "container/run.h"
#include "os/fd.h"
#include "owners/record.h"
#include "store/workspace.h"

namespace lichen::ops {

class View {
 public:
  // `overlay.target` is made; no `upper`: only to be read; no `lower`: nothing is below `upper`. At
  // tier bare it is on the file system of the layers; at the others `overlay.work` is, which need
  // not exist.
  static Result<View> open(container::Overlay overlay, container::Tier tier);
  View() = default;
  View(View&& other) noexcept;
  View& operator=(View&& other) noexcept;
  ~View();

  const os::UniqueFd& root() const { return root_; }
  // The directory that takes an overlay's changes; nullptr: it is not an overlay.
  const os::UniqueFd* upper() const { return upper_.valid() ? &upper_ : nullptr; }
  // Inodes that are shared with layers; nullptr: it is mounted, or has no layer below.
  const std::unordered_map<ino_t, nlink_t>* frozen() const {
    return space_ ? &space_->frozen : nullptr;
  }
  // At tiers with namespaces, once, last: from now on the changes are in `upper`.
  Result<void> settle(const owners::Owners& below) const;
  // At tier bare, once, last: the changes into `upper`. `written` has the record of a file that was
  // written, by its inode; nullptr: a directory that nobody touched.
  Result<owners::Sidecar> harvest(const owners::Owners& below,
                                  const std::function<const owners::Record*(ino_t)>& written);

 private:
  container::Overlay overlay_;
  os::UniqueFd root_, upper_;
  std::optional<store::Workspace> space_;    // at tier bare
  std::optional<container::Merged> merged_;  // at the others
};

}  // namespace lichen::ops
