// Directory entries that are removed, renamed or made: what unlink, rename, link and bind share.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "bare/model.h"

namespace lichen::bare {

// The entry that the caller's path at `address` names; EFAULT, ENAMETOOLONG, ENOENT, and `dots`
// when its last component is ".", ".." or "/".
Answer<Entry> entry_at(const Call& call, Model& model, int dirfd, std::uint64_t address, int dots);
// The same for a path that was read.
Answer<Entry> entry_of(const Call& call, Model& model, int dirfd, const std::string& path,
                       int dots);

// The old and the new name of rename(2), link(2) and, with `at`, their *at kin.
struct TwoNames {
  int from_dirfd = AT_FDCWD, to_dirfd = AT_FDCWD;
  std::uint64_t from = 0, to = 0;
};
TwoNames two_names(const emulate::Task& task, bool at);

// What is there now; errno.
Answer<struct statx> status_of(const Entry& entry);
// Opens it, O_PATH and without following it; errno.
Answer<File> open_entry(const Entry& entry);

// A mount is seen somewhere beneath this name.
bool is_above_mount(const Model& model, const Entry& entry);

}  // namespace lichen::bare
