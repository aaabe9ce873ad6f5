// Layer directories: fill one from a tar, make a tar of one, read a stack of them as one tree.
//
//   ApplyResult applied = TRY(apply_layer(blob, "/store/2/fs", {"/store/1/fs"}, kind, below));
//   TRY(diff_layer("/store/2/fs", {"/store/1/fs"}, kind, below, own, {}, tar));
//
// For workers: plain paths, no database. A layer directory is one overlayfs layer as `userxattr`
// mounts make them: whiteouts are character devices 0:0, user.overlay.opaque=y hides what is below
// a directory. Lists of layer directories are top first; layers below do not change meanwhile.
//
// All content is hostile: nothing is opened but through descriptors of layer directories, and no
// symlink of the content is followed by the kernel; where a layer's path goes through symlinks they
// are resolved in the merged tree, and what is written stays inside the layer's directory.
//
// Owners: at tier ids those of the kernel (unless 0:0, when a record of the path counts); at tier
// userns those of the records. Devices are empty placeholder files with a record, at both. At tier
// bare everything belongs to an ordinary user: records hold owners, capabilities, and modes that
// would keep that user out or let others have rights (owners::bare_mode); nothing calls chown.
//
// One thread a call; no global state. Rules: OCI image-spec layer.md; Documentation/filesystems/
// overlayfs.rst; user.overlay.overlay.* escapes since Linux 6.7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/tar_writer.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/stream.h"
#include "os/host.h"
#include "owners/record.h"

namespace lichen::store {

using os::Tier;

// The records of a chain; `sidecars` are owners files, bottom first. An absent one is empty.
Result<owners::Owners> load_owners(const std::vector<std::string>& sidecars);

struct ApplyResult {
  Digest diff_id;           // of the tar, uncompressed
  owners::Sidecar sidecar;  // of this layer
  std::uint64_t bytes = 0;  // of content written
  std::uint64_t entries = 0;
};

// Unpacks a layer, compressed or not, into the empty directory `fs`. `below` are the records of
// `lower`. Of several entries of one path the last wins.
Result<ApplyResult> apply_layer(Source& blob, const std::string& fs,
                                const std::vector<std::string>& lower, Tier tier,
                                const owners::Owners& below);

struct DiffOptions {
  std::optional<std::int64_t> clamp_mtime;  // no mtime is later, in seconds since 1970
  // A directory of the archive that all goes into, in the form of Entry::path. It has the entry of
  // the tree's root.
  std::string place = {};
};

// Writes what `fs` changes on `lower`, sorted, to `tar`, which is not finished. `own` is the
// layer's sidecar. Sockets are left out; the root directory appears only if it changed.
Result<void> diff_layer(const std::string& fs, const std::vector<std::string>& lower, Tier tier,
                        const owners::Owners& below, const owners::Sidecar& own,
                        const DiffOptions& options, archive::TarWriter& tar);

// Writes the merged tree of `layers`; `owners` are the records of all of them.
Result<void> write_tree(const std::vector<std::string>& layers, Tier tier,
                        const owners::Owners& owners, const DiffOptions& options,
                        archive::TarWriter& tar);

// Copies the merged tree into `directory`, which exists: modes and times are kept, all is owned by
// the caller. What is in the way is replaced, but for directories. Devices and sockets are left
// out, with a warning each.
Result<std::vector<std::string>> copy_tree_local(const std::vector<std::string>& layers, Tier tier,
                                                 const owners::Owners& owners,
                                                 const std::string& directory);

}  // namespace lichen::store
