// What --ulimit asks for, in the form that a step's first process sets.
#pragma once

#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "os/limits.h"

namespace lichen::ops {

// kDenied: a hard limit is beyond the calling process's own, which nobody here may raise. kInvalid:
// no such resource.
Result<std::vector<os::ResourceLimit>> limits_of(const std::vector<graph::Ulimit>& ulimits);

}  // namespace lichen::ops
