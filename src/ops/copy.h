// A COPY: what it selects of a tree is written into another. A file whose name is that of a
// directory is an error, and so is the other way round; a symlink that stands where a file of a
// directory is to be written is replaced. ADD's archives are unpacked (unpack.h).
//
//   TRY(copy(writer, source_tree, copy, owner));
//
// `owner` is --chown resolved, or nullopt to keep the source's. Errors name the source.
#pragma once

#include <optional>

#include "base/result.h"
#include "graph/graph.h"
#include "ops/file_writer.h"
#include "ops/selection.h"

namespace lichen::ops {

Result<void> copy(FileWriter& to, const SourceTree& from, const graph::Copy& copy,
                  std::optional<Ownership> owner);

}  // namespace lichen::ops
