// The existing file that a call changes, as the caller names it.
//
//   if (const auto target = target_of(task)) file = open_target(task, credentials, *target);
//
// Reads the caller's memory, so it is a claim: open once, then act on the descriptor.
#pragma once

#include <fcntl.h>

#include <optional>
#include <string>

#include "emulate/place.h"

namespace lichen::emulate {

struct Target {
  int dirfd = AT_FDCWD;
  std::string path;
  bool descriptor = false;  // dirfd itself
  Last last = Last::kFollow;
};

inline constexpr int kNoArg = -1;

// From the numbers of the arguments; kNoArg: there is none. nullopt: the kernel says why not.
std::optional<Target> read_target(const Task& task, int dirfd_arg, int path_arg);

// Of chown, chmod, utime, truncate, xattr, link and rename (the old name) and their kin, and of
// opens for writing. nullopt: of no other call, or the kernel says why not.
std::optional<Target> target_of(const Task& task);

os::UniqueFd open_target(const Task& task, const Credentials& credentials, const Target& target);

}  // namespace lichen::emulate
