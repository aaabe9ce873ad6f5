// Where the store is when the user does not say it.
//
//   const std::string root = TRY(choose_root(flag));  // "" when there is no --root
//
// Reads the environment; makes no directory that it does not choose. Thread-safe as getenv is.
#pragma once

#include <string>

#include "base/result.h"

namespace lichen::store {

// The first that is set: `flag`, $LICHEN_ROOT; else the first that can be written, and has a store
// already or 256 MiB free: $XDG_DATA_HOME/lichen, $HOME/.local/share/lichen, and lichen-UID in
// $TMPDIR, /var/tmp and /tmp, where it must be ours alone; else the one with the most room. A HOME
// of "/" or one that does not exist (arbitrary uids in pods) does not count. Always absolute.
Result<std::string> choose_root(const std::string& flag);

}  // namespace lichen::store
