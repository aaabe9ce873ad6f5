// A stack of layers as one directory, with a layer on top that takes the changes: overlayfs, or
// where that cannot be had (NFS, kernels before 5.11, some AppArmor, no user.* attributes) a copy.
//
//   Merged merged = TRY(Merged::make(overlay));   // at overlay.target, a mount point
//   … a step runs, or files are written, beneath overlay.target …
//   TRY(merged.harvest(below));                   // now overlay.upper has them, either way
//   merged.remove();
//
// For tiers with namespaces, in a worker with mounts of its own. LICHEN_OVERLAY=off in the
// environment means a copy (for tests). For one thread.
#pragma once

#include <optional>

#include "base/result.h"
#include "container/run.h"
#include "owners/record.h"
#include "store/workspace.h"

namespace lichen::container {

class Merged {
 public:
  // Without an upper directory it is read-only; then `overlay.work` is where a copy may be made.
  static Result<Merged> make(const Overlay& overlay);

  bool is_copy() const { return space_.has_value(); }
  // By path: not while another directory is this process's root. The copy stays, so that files can
  // be known by their inodes.
  Result<void> harvest(const owners::Owners& below) const;
  // Of a copy, which is of no use any more. What cannot be removed goes with the work directory.
  void remove() const;

 private:
  Overlay overlay_;
  std::optional<store::Workspace> space_;
};

}  // namespace lichen::container
