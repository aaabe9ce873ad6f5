// File permissions as the kernel would judge them, were the fake owners real. Pure, but for
// may_search. ACLs are not looked at. Owner class first, then group, then others.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "emulate/credentials.h"
#include "emulate/files.h"
#include "emulate/reply.h"
#include "emulate/task.h"
#include "os/fd.h"

namespace lichen::emulate {

// A file's owner and mode (with type) as programs see them.
struct Owned {
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t mode = 0;
  friend bool operator==(const Owned&, const Owned&) = default;
};
Owned owned(const FileTable& files, struct statx status);

// `want` is a mask of R_OK, W_OK, X_OK; the fs ids and effective capabilities count.
bool permits(const Credentials& credentials, const Owned& file, int want);
int wanted_access(std::uint64_t open_flags);                   // what open(2) asks permits() for
bool owns(const Credentials& credentials, const Owned& file);  // or has CAP_FOWNER
// Removing or replacing `entry` of `directory`: 0, EACCES, or EPERM in a sticky directory.
int may_remove(const Credentials& credentials, const Owned& directory, const Owned& entry);
// access(2): the real ids judge, with the permitted capabilities when the real user is root.
Credentials as_real(Credentials credentials);

// Only files that the model knows about are judged: not /proc, sockets and pipes, whose kernel
// owner says nothing about whom they belong to here.
bool is_judged(const struct statx& status);

// Search permission on the way to an open directory (itself included). Where a relative path
// starts, `from`, and above, nobody asks. What cannot be seen is permitted.
bool may_search(const Task& task, const FileTable& files, const Credentials& credentials,
                const os::UniqueFd& directory, const std::string& from);
// The canonical path where a lookup of `path` starts: "" for an absolute one.
std::string start_of(const Task& task, int dirfd, const std::string& path);

}  // namespace lichen::emulate
