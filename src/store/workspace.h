// The merged tree of a stack of layers as a real directory, for hosts or tiers without overlayfs.
//
//   Workspace space = TRY(materialize(lower, work + "/merged", Materialize::kLink));
//   … a step changes the tree …
//   owners::Sidecar sidecar =
//       TRY(harvest(space, lower, fs, below, record_of, /*keep_tree=*/false));
//   TRY(os::remove_tree(space.path));
//
// With kLink the files of the tree *are* those of the layers: whoever changes one in any way
// (content, mode, owner, times, attributes, another link, a rename) must put a private copy in its
// place first, as overlayfs copies up, and only for that name. Directories are the tree's own. With
// kCopy nobody needs to care, and "changed" means that inode, ctime, size, mode or owner are not
// what they were; of a file that has lost other names of its, which changes its ctime, mtime is
// looked at instead. FIFOs are always copies, and their times say nothing: who knows that one was
// changed takes it out of `copies`.
//
// harvest() fills a layer directory with what overlayfs' upper directory would hold: all that is no
// longer the layers' own file, a whiteout for each name that is gone, and each directory that has
// such entries or was touched (its ctime or its record is another). A directory that is not the one
// that materialize() made there is opaque. Devices are left out. What overlayfs keeps
// for files that are back to what they were (equal content) is kept here, too.
//
// Both take a tree at rest and hostile content: no symlink is followed, and few descriptors are
// open however deep the tree is. Paths longer than PATH_MAX are errors. The layers, the tree and
// the new layer directory should be on one file system; files of layers that are not, or that have
// as many links as the file system allows, are copied, and count as unchanged while nobody changes
// them. One thread a call; no global state.
//
// Rules: Documentation/filesystems/overlayfs.rst (copy up, whiteouts, opaque directories).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "owners/record.h"

namespace lichen::store {

enum class Materialize {
  kLink,  // tier bare: hard links
  kCopy,  // as root of a user namespace: owners, modes and attributes are kept; reflinks if
          // possible
};

struct Workspace {
  std::string path;
  Materialize how = Materialize::kLink;
  // Inodes that are shared with layers, with the link count that overlayfs would show: the number
  // of names in their layer, but for those beneath directories that are hidden.
  std::unordered_map<ino_t, nlink_t> frozen;
  // The tree's directories that come from layers, its root among them.
  std::unordered_set<ino_t> frozen_directories;

  // What harvest() compares with.
  struct Directory {
    std::string path;
    std::vector<std::size_t> parts;  // the layers that it is made of, top first
    struct statx_timestamp born {
    }, changed{};
  };
  struct Copy {  // of a file of a layer
    std::size_t layer = 0;
    ino_t source = 0;
    struct ::timespec changed {
    }, modified{};
    nlink_t links = 1;
    off_t size = 0;
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  std::unordered_map<ino_t, Directory> directories;
  std::unordered_map<ino_t, Copy> copies;
};

// `directory` does not exist, or is empty; its parent exists. `lower` top first.
Result<Workspace> materialize(const std::vector<std::string>& lower, const std::string& directory,
                              Materialize how);

// Puts a private copy in the place of the file `name`, as whoever changes a frozen one must do. The
// directory keeps its mtime. The record of the new inode is the caller's business.
Result<void> copy_up(const os::UniqueFd& directory, const std::string& name);

// What statx(2) was asked for, for `record_of`.
inline constexpr unsigned kHarvestMask = STATX_BASIC_STATS | STATX_BTIME;

// `fs` is an empty directory; `record_of` says the record of a file of the tree as it is now, those
// that nobody touched included (directories are always asked for). Files are moved into `fs`, or
// with `keep_tree` linked. The result is relative to `below`, the records of `lower`.
Result<owners::Sidecar> harvest(const Workspace& space, const std::vector<std::string>& lower,
                                const std::string& fs, const owners::Owners& below,
                                const std::function<owners::Record(const struct statx&)>& record_of,
                                bool keep_tree);

}  // namespace lichen::store
