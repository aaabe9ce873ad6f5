// Writes entries of a root file system, with their owners: what COPY (copy.h), ADD of an archive
// (unpack.h), files out of a Dockerfile and WORKDIR have in common. In a keeper's worker, on
// mounted trees.
//
//   FileWriter writer({.root = dest, .tier = …, .below = owners});
//   TRY(copy(writer, source_tree, copy, owner));
//   TRY(writer.make_file(file, owner));
//   owners::Sidecar sidecar = writer.take_sidecar();
//
// The destination is a hostile root file system: every path is opened beneath `root`, symlinks in
// it are followed inside it (docker's meaning), also to what is not there yet.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "container/run.h"
#include "graph/graph.h"
#include "ops/copied_files.h"
#include "os/fd.h"
#include "owners/independent_recorder.h"
#include "owners/record.h"

namespace lichen::ops {

struct Ownership {
  std::uint32_t uid = 0, gid = 0;
};

// The layer directory of an earlier snapshot: its files are linked where they are just what a copy
// would be. They are shared, and nothing but names may be given to them or taken.
struct Earlier {
  os::UniqueFd root;
  CopiedFiles::Marks marks;
};

// An entry: its directory, its name there, and its path from the tree's root. All are borrowed.
struct Location {
  const os::UniqueFd& directory;
  const std::string& name;
  const std::string& path;
};

// Of one entry that is written.
struct Attributes {
  mode_t mode = 0;  // with the type
  owners::Record record;
  struct ::timespec mtime {};
  std::map<std::string, std::string> xattrs;
};

class FileWriter {
 public:
  struct Target {
    const os::UniqueFd& root;  // of the merged, writable view
    container::Tier tier;
    const owners::Owners& below;          // records of the layers beneath
    std::optional<std::int64_t> created;  // FileOp::created
    // Tier bare: inodes of `root` that are shared with layers; then also record_of() is of use.
    const std::unordered_map<ino_t, nlink_t>* frozen = nullptr;
    bool independent = false;  // FileOp::independent
    // Where `root` is an overlay: its upper directory. What is new is written there, which saves
    // the way through the overlay, and lets the kernel copy between two files of one file system.
    const os::UniqueFd* upper = nullptr;
    CopiedFiles* copied = nullptr;     // to be told what is copied from the context
    const Earlier* earlier = nullptr;  // to link from; not at tier bare
  };
  explicit FileWriter(const Target& target) : target_(target), recorder_(target.below) {}

  const Target& target() const { return target_; }
  Result<void> make_file(const graph::MakeFile& file, std::optional<Ownership> owner);
  Result<void> make_directory(const graph::MakeDirectory& directory,
                              std::optional<Ownership> owner);

  // The directory `path`. What is missing on the way is made with `mode` and `owner`; what is there
  // stays as it is. `is_new`: the last of them was made.
  Result<os::UniqueFd> make_parents(const std::string& path, mode_t mode, const Ownership& owner,
                                    bool* is_new = nullptr);
  // `path`, or where a symlink there points to, as a path from the root; also if that is nothing
  // yet.
  Result<std::string> followed(std::string path) const;
  // The directory `path` of the tree, which this job has made: real, not of the overlay.
  Result<os::UniqueFd> open_new(const os::UniqueFd& directory, const std::string& path) const;
  // A hard link to what stands at `from`, without a record.
  Result<void> link(const Location& from, const Location& to);
  // Everything but content: owner (really, where the kernel can), mode, xattrs, mtime, and the
  // record of what the kernel could not be told.
  Result<void> finish(const Location& entry, const Attributes& attributes);
  // The same of an open regular file, and only what is not so already.
  Result<void> finish(const os::UniqueFd& file, const std::string& path,
                      const Attributes& attributes);
  void keep_record(const std::string& path, const owners::Record& record, bool is_directory);
  // One more name of a file: at tier bare with the record that the file has, else with `record`.
  Result<void> record_link(const Location& entry, const owners::Record& record);

  owners::Sidecar take_sidecar() {
    return target_.independent ? independent_recorder_.take() : recorder_.take();
  }
  // At tier bare: of a file of `root` that was written, by its inode; nullptr: none was.
  const owners::Record* written(ino_t inode) const;

 private:
  Result<os::UniqueFd> make_parents(const std::string& path, mode_t mode, const Ownership& owner,
                                    bool* is_new, int links);
  owners::Record recorded(const Attributes& attributes) const;

  Target target_;
  owners::Owners::Recorder recorder_;
  owners::IndependentRecorder independent_recorder_;
  std::unordered_map<ino_t, owners::Record> written_;  // at tier bare
};

// Removes what is not a directory; a directory in the way is an error.
Result<void> make_room(const Location& entry);
// A new, open file, in the place of what is not a directory.
Result<os::UniqueFd> create(const Location& entry, mode_t mode);
// What means something elsewhere: not the snapshot's own (user.overlay.*), nor the host's.
bool is_portable(const std::string& xattr);

}  // namespace lichen::ops
