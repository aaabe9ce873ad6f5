// The files of the tree that are hard links into layers, and must not change.
//
// Whoever is about to change one in any way (content, mode, owner, times, attributes, a new link, a
// rename) first calls copy_up(): the name gets a private copy, as overlayfs copies up, and only
// that name. Records of modes and owners follow. Directories are private from the start, but a
// directory that comes from a layer cannot be renamed: EXDEV, as overlayfs says it
// (redirect_dir=off).
//
// Thread-safe.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "bare/reply.h"
#include "bare/tree.h"

namespace lichen::bare {

struct Model;

class Frozen {
 public:
  // `scratch`: on the tree's file system; copies are made there and then moved into place.
  Frozen(std::unordered_map<ino_t, nlink_t> files, std::unordered_set<ino_t> directories,
         dev_t device, os::UniqueFd scratch);

  bool holds(const struct statx& status) const;  // a file that is shared with a layer
  bool is_lower_directory(const struct statx& status) const;
  // What stat shows as link count; nullopt: the real one.
  std::optional<nlink_t> links(const struct statx& status) const;

  // `file` is a file of the tree, found by a path of it; afterwards it is the private copy, with
  // its new status. Nothing happens when it is not frozen. With `truncate` the content is not
  // copied. A file whose name is gone (unlinked, reached by /proc/PID/fd) is replaced by a copy
  // without a name: whoever has it open sees no change, and neither does the layer.
  Answer<void> copy_up(Model& model, File& file, bool truncate = false);

  // FIFOs that come from layers are copies of the step's own. What goes through one moves its
  // mtime, which overlayfs does not show: until somebody changes it, it is what it was.
  void hold_fifos(std::unordered_map<ino_t, struct ::timespec> modified);
  std::optional<struct ::timespec> modified(const struct statx& status);
  void note_change(const struct statx& status);  // copy_up() does it by itself
  std::unordered_set<ino_t> changed_fifos();     // by inode, new ones among them

  // For other files that are made for the step.
  const os::UniqueFd& scratch() const { return scratch_; }

 private:
  // Directory and name of a file of the tree, by which it is or was known.
  std::optional<std::pair<os::UniqueFd, std::string>> place_of(const Model& model,
                                                               const File& file) const;
  // What is there, when it is the private copy of `original`.
  std::optional<File> copy_at(const os::UniqueFd& parent, const std::string& name,
                              ino_t original) const;

  std::unordered_map<ino_t, nlink_t> files_;
  std::unordered_set<ino_t> directories_;
  dev_t device_;
  os::UniqueFd scratch_;
  std::mutex mutex_;  // one copy at a time: two threads may want the same file
  std::uint64_t copies_ = 0;
  std::unordered_map<ino_t, ino_t> copied_from_;  // private copies, while they are in place
  std::unordered_map<ino_t, struct ::timespec> fifos_;
  std::unordered_set<ino_t> changed_fifos_;
};

}  // namespace lichen::bare
