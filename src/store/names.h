// Names of directories with their inode numbers, and attributes of files from one tree to another.
// Internal to store.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "store/layers.h"

namespace lichen::store {

struct Name {
  std::string text;
  ino_t inode = 0;
  unsigned char type = 0;  // DT_*, never DT_UNKNOWN
};
// Without "." and ".."; takes the descriptor's offset to the end.
Result<std::vector<Name>> read_names(const os::UniqueFd& directory);

// One directory of a stack of layers.
struct MergedDirectory {
  struct Entry {
    std::size_t layer = 0;  // the topmost that has the name
    ino_t inode = 0;
    unsigned char type = 0;
    Layers::Parts parts;  // of a directory
    bool closed = false;  // a lower layer's entry of this name is hidden
  };
  std::vector<os::UniqueFd> fds;                   // of `parts`
  Layers::Parts parts;                             // without those that an opaque directory hides
  std::unordered_map<std::string, Entry> entries;  // whiteouts are DT_CHR
  std::unordered_map<ino_t, nlink_t> hidden;       // names of files that upper layers hide
};
Result<MergedDirectory> merge_directory(const Layers& layers, const Layers::Parts& parts,
                                        const std::string& path);

// Of a file of a layer, or of a tree, to its copy: user.*, and security.capability if `all`; as
// they are, but for overlayfs' own.
Result<void> copy_xattrs(const os::UniqueFd& from, const os::UniqueFd& to, bool all);

// All that who owns the file may remove, access control lists as well.
Result<void> remove_xattrs(const os::UniqueFd& fd);

// The file, symlink or fifo `name` of one directory, as a new one in another: content, mode, mtime
// and attributes, with `keeps_owners` owner and capability, too. `status` is that of `from`.
Result<void> copy_file(const os::UniqueFd& from_directory, const std::string& from,
                       const os::UniqueFd& to_directory, const std::string& to,
                       const struct ::stat& status, bool keeps_owners);

}  // namespace lichen::store
