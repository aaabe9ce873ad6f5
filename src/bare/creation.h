// New entries of directories: whether they may be made, whom they belong to, and how their mode is
// kept. The kernel makes all of them as ours, with a mode that always lets us in.
#pragma once

#include <cstdint>

#include "bare/model.h"

namespace lichen::bare {

struct Creation {
  owners::Record record;
  std::uint32_t mask = 0;         // the caller's umask
  bool setgid_directory = false;  // new directories get the bit, too
  bool has_record = true;         // false: as the kernel makes it, it is right
};
// EEXIST, EROFS, EACCES: what exists is EEXIST, whoever asks.
Answer<Creation> decide_creation(const Call& call, const Model& model,
                                 const emulate::Credentials& credentials, const Entry& entry);
// The same for an unnamed file (O_TMPFILE).
Answer<Creation> decide_creation(const Call& call, const Model& model,
                                 const emulate::Credentials& credentials, const File& directory);

// What the kernel is told when the step shall see `mode`.
std::uint32_t real_mode(const Creation& creation, std::uint32_t mode, bool is_directory);
// Keeps the record of a new file; 0 or errno.
int keep_new(Model& model, const Creation& creation, const os::UniqueFd& file, std::uint32_t mode);

}  // namespace lichen::bare
