// A Landlock ruleset for a step: what no rule names, its processes cannot open by themselves.
//
//   std::vector<PathRule> paths; …
//   auto ruleset = TRY(make_ruleset({.paths = std::move(paths)}));
//   … in the child, after no_new_privs: landlock_restrict_self(ruleset->get(), 0) …
//
// Descriptors that the step is given keep what they can do. A restricted process cannot trace one
// outside, and, where the kernel knows scopes (ABI 6, Linux 6.12), neither signal one nor connect
// to its abstract sockets. Sources: landlock(7), linux/landlock.h (rights by ABI 1 to 6); newer
// kernels know all of these. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::sandbox {

// A file, or a directory and all beneath it. Reading is allowed.
struct PathRule {
  os::UniqueFd fd;       // O_PATH
  bool write = false;    // and create, remove, rename
  bool bind = false;     // make a socket
  bool execute = false;  // execve of a file
};

struct LandlockRules {
  // nullopt: files are not restricted.
  std::optional<std::vector<PathRule>> paths;
  bool scope_signals = true, scope_abstract_sockets = true;
};

// nullopt: this kernel can enforce nothing of it.
Result<std::optional<os::UniqueFd>> make_ruleset(const LandlockRules& rules);

// The access rights that a kernel with this ABI (0: none) can restrict, and its scopes.
struct LandlockRights {
  std::uint64_t files = 0, scopes = 0;
};
LandlockRights landlock_rights(int abi);
int landlock_abi();  // of this kernel; 0: none

}  // namespace lichen::sandbox
