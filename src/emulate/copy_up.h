// Records of files that are another file after overlayfs has copied them up.
//
// A lower file keeps its inode number when it is copied up, because overlayfs notes the origin in
// an attribute. Fragile ones (is_fragile) keep it only as long as the kernel remembers them: of a
// file with several names only the one that is changed is copied, and without an origin; and user.*
// attributes are for regular files and directories alone. Afterwards they have the number that the
// upper layer gives them, and nobody is told. So before the kernel carries out a change, the
// Supervisor has the file copied up by a change of nothing, and records it under that number, too.
#pragma once

#include "emulate/model.h"

namespace lichen::emulate {

// Before `task`'s call goes on, when Model::files has fragile records.
void keep_record(const Task& task, Model& model);

// Records the file, which is what it is after any copy-up. false: too many records.
bool put_copied(const Task& task, Model& model, const os::UniqueFd& file, const struct statx& now,
                const owners::Record& record);

}  // namespace lichen::emulate
