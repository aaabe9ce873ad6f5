// Between the records of layers, which go by path, and those of a running step, which go by inode.
#pragma once

#include "base/result.h"
#include "emulate/calls.h"
#include "emulate/files.h"
#include "os/fd.h"
#include "owners/record.h"

namespace lichen::emulate {

// Finds every path of the chain below in the merged tree `root`. Paths that are not there (hidden
// by a mount) are passed over.
// `is_copy`: `root` is no overlay, so a file's birth time never becomes another.
void load_records(FileTable& files, const os::UniqueFd& root, const owners::Owners& below,
                  bool is_copy = false);

// Walks `upper`, the directory that an overlay mount filled, beside the merged tree that it is seen
// through, and says what the layer changes of the records below. Both trees are hostile: opened by
// descriptor, no symlink followed. kUnsupported: nested too deeply.
Result<owners::Sidecar> read_records(const FileTable& files, const os::UniqueFd& root,
                                     const os::UniqueFd& upper, const owners::Owners& below,
                                     Profile profile, std::uint32_t map_size);

}  // namespace lichen::emulate
