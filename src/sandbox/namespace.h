// Namespaces of lichen's own processes, and the file systems they mount for a step.
//
// The *keeper* calls enter() once, while it has one thread: from then on it is root of a user
// namespace and its mounts are its own. Each *worker* it forks calls own_mounts(), mounts the
// step's root with mount_overlay(), and launches (launch.h).
//
//   TRY(enter(maps.uids, maps.gids));
//   TRY(own_mounts());
//   TRY(mount_overlay({"/store/2/fs", "/store/1/fs"}, "/store/3/fs", "/store/3/work", "/mnt"));
//
// Linux 5.11 (overlayfs in a user namespace); more than about 200 lower directories need 6.8.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/idmap.h"

namespace lichen::sandbox {

// Moves this single-threaded process into a new user and mount namespace, as user and group 0.
// Supplementary groups are kept: where the map has no setgroups they cannot be dropped, and they
// may be what lets us read the build context. Later mounts of the host arrive, ours do not leave.
Result<void> enter(const std::vector<os::IdRange>& uids, const std::vector<os::IdRange>& gids);

// A private copy of the mount namespace.
Result<void> own_mounts();

// Back into the mount namespace that `mounts`, an open /proc/self/ns/mnt, is of: its root becomes
// this thread's root and working directory.
Result<void> enter_mounts(const os::UniqueFd& mounts);

// Overlay with user.* xattrs. `lower` is ordered top first. With an empty `upper` the mount is
// read-only (and of one lower directory a read-only bind). The upper directory is not synced at
// unmount (`volatile`): who keeps it, syncs it. All paths are ours, not out of an image.
Result<void> mount_overlay(const std::vector<std::string>& lower, const std::string& upper,
                           const std::string& work, const std::string& target);

}  // namespace lichen::sandbox
