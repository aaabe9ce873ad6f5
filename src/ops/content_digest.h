// A digest of all that a COPY would bring: the content part of its cache key (cache.md). It is over
// path, type, mode, owner, link target, capability and file digest of every selected entry; no
// mtime, no inode, and no place of the tree on this machine.
//
//   const Digest digest = TRY(digest_of(tree, copy, read_digest));
//
// A directory's digest is made of its entries' in the order of their names, so that the walk may
// take them in any order: several threads do, once there is more than one directory to read.
#pragma once

#include <sys/stat.h>

#include <array>
#include <functional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "graph/graph.h"
#include "ops/listing.h"
#include "ops/selection.h"
#include "os/fd.h"

namespace lichen::ops {

// Of a file's content. Many are handled: no text is made of them.
using FileSha256 = std::array<char, 32>;

// Says it; the context's implementation remembers those of unchanged files. Called by several
// threads at once.
using FileDigest = std::function<Result<FileSha256>(
    const os::UniqueFd& directory, const std::string& name, const struct ::stat& status)>;
Result<FileSha256> read_digest(const os::UniqueFd& directory, const std::string& name);

// With a listing: what is in the digest, file by file, by its path in the tree.
Result<Digest> digest_of(const SourceTree& tree, const graph::Copy& copy,
                         const FileDigest& file_digest, Listing* listing = nullptr);

}  // namespace lichen::ops
