// An ADDed archive: unpacked into the directory `dest` of the tree (no leading "/"), recognised by
// its content, compressed or not. False: it is none, and nothing was done. Entries keep their
// owners, unless there is `owner`; links are followed and made inside the tree.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "ops/file_writer.h"
#include "ops/selection.h"

namespace lichen::ops {

Result<bool> unpack(FileWriter& to, const SourceTree& from, const Selected& selected,
                    const std::string& dest, std::optional<Ownership> owner);

}  // namespace lichen::ops
