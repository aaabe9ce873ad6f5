// The file operations of a FileOp, done in a keeper's worker on mounted trees.
//
//   FileWriter writer({.root = dest, .tier = …, .owners = below});
//   TRY(writer.copy(source_tree, copy, owner, mode));
//   owners::Sidecar sidecar = writer.take_sidecar();
//
// Destinations are inside a hostile root file system: every path is opened beneath `root`, symlinks
// in it are followed inside it (docker's meaning), also to what is not there yet. One that stands
// where a file of a directory is to be written is replaced.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "archive/entry.h"
#include "base/result.h"
#include "base/stream.h"
#include "container/run.h"
#include "graph/graph.h"
#include "ops/copied_files.h"
#include "ops/selection.h"
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

  // `owner` is --chown resolved, or nullopt to keep the source's.
  Result<void> copy(const SourceTree& from, const graph::Copy& copy,
                    std::optional<Ownership> owner);
  Result<void> make_file(const graph::MakeFile& file, std::optional<Ownership> owner);
  Result<void> make_directory(const graph::MakeDirectory& directory,
                              std::optional<Ownership> owner);

  owners::Sidecar take_sidecar() {
    return target_.independent ? independent_recorder_.take() : recorder_.take();
  }
  // At tier bare: of a file of `root` that was written, by its inode; nullptr: none was.
  const owners::Record* written(ino_t inode) const;

 private:
  struct Attributes {  // of one entry that is written
    mode_t mode = 0;
    owners::Record record;
    struct ::timespec mtime {};
    std::map<std::string, std::string> xattrs;
  };

  Result<std::string> followed(std::string path);
  Result<os::UniqueFd> make_parents(const std::string& path, mode_t mode, const Ownership& owner,
                                    bool* is_new = nullptr, int links = 0);
  // The directory `path` of the tree, which this job has made: real, not of the overlay.
  Result<os::UniqueFd> open_new(const os::UniqueFd& directory, const std::string& path) const;
  Result<void> copy_selected(const SourceTree& from, const Selected& selected,
                             const graph::Copy& copy, std::optional<Ownership> owner,
                             bool to_directory);
  Result<void> copy_entry(const SourceTree& from, const os::UniqueFd& source_directory,
                          const std::string& source_name, const std::string& source_path,
                          const os::UniqueFd& directory, const std::string& name,
                          const std::string& path, const graph::Copy& copy,
                          std::optional<Ownership> owner);
  Result<void> copy_directory(const SourceTree& from, const os::UniqueFd& source_directory,
                              const std::string& source_path, const os::UniqueFd& directory,
                              const std::string& path, const graph::Copy& copy,
                              std::optional<Ownership> owner, const std::string& relative);
  Result<void> copy_file(const SourceTree& from, const os::UniqueFd& content,
                         const struct ::stat& status, const os::UniqueFd& directory,
                         const std::string& name, const std::string& path, Attributes attributes);
  Result<bool> link_first(const struct ::stat& status, const os::UniqueFd& directory,
                          const std::string& name, const std::string& path,
                          const Attributes& attributes);
  Result<bool> link_earlier(const struct ::stat& status, const os::UniqueFd& directory,
                            const std::string& name, const std::string& path,
                            const Attributes& attributes);
  const os::UniqueFd* find_earlier(const std::string& directory);
  Result<void> copy_entries(const SourceTree& from, const os::UniqueFd& source,
                            const std::string& source_path, const os::UniqueFd& directory,
                            const std::string& path, const graph::Copy& copy,
                            std::optional<Ownership> owner, const std::string& relative);
  Result<bool> unpack(const SourceTree& from, const Selected& selected, const std::string& dest,
                      std::optional<Ownership> owner);
  Result<void> unpack_entry(archive::Entry entry, Source& content, const std::string& dest,
                            std::optional<Ownership> owner,
                            std::map<std::string, struct ::timespec>& directories);
  Result<void> set_times(const std::map<std::string, struct ::timespec>& directories);
  owners::Record recorded(const Attributes& attributes) const;
  void keep_record(const std::string& path, const owners::Record& record, bool is_directory);
  Result<void> record_link(const os::UniqueFd& directory, const std::string& name,
                           const std::string& path, const owners::Record& record);
  Result<void> link(const os::UniqueFd& from, const std::string& from_name, const os::UniqueFd& to,
                    const std::string& to_name, const std::string& path);
  Result<void> finish(const os::UniqueFd& directory, const std::string& name,
                      const std::string& path, const Attributes& attributes);
  Result<void> finish(const os::UniqueFd& file, const std::string& path,
                      const Attributes& attributes);

  Target target_;
  owners::Owners::Recorder recorder_;
  owners::IndependentRecorder independent_recorder_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // of the copy under way: first name
  std::unordered_map<ino_t, owners::Record> written_;      // at tier bare
  const Filter* filter_ = nullptr;
  std::string earlier_path_;  // of the directory of Target::earlier that was asked for last
  os::UniqueFd earlier_directory_;
};

}  // namespace lichen::ops
