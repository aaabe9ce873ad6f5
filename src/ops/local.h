// The build context as a source: which patterns its vertex carries.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace lichen::ops {

// The JSON array of attribute local.excludepatterns; empty when there is none.
Result<std::vector<std::string>> ignore_patterns(const graph::SourceOp& source);
// Attribute local.modes is "git": modes are what git keeps of them.
bool has_git_modes(const graph::SourceOp& source);

}  // namespace lichen::ops
