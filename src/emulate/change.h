// Calls that change existing files, by others than root: the kernel carries them out (it sees
// root), so all that there is to say is no. Pure, like permission.h.
//
// The order of errors is the kernel's: what does not exist is ENOENT before anything is EACCES.
#pragma once

#include "emulate/permission.h"

namespace lichen::emulate {

enum class Change {
  kRemove,   // unlink, rmdir, the old and the replaced name of a rename
  kInsert,   // a new name: link, rename
  kMode,     // chmod
  kTimes,    // utimensat with times
  kTouch,    // utimensat to now
  kContent,  // truncate
  kXattr,    // user.*
};

// 0 or errno. `file` is what is changed, `directory` where its name is (for the first two).
int decide(Change change, const Credentials& credentials, const Owned& file,
           const Owned& directory);

}  // namespace lichen::emulate
