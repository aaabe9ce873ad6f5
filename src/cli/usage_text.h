// What `lichen du` and `lichen prune` print. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "build/upkeep.h"

namespace lichen::cli {

// A line for each kind of thing, and their sum.
std::string usage_text(const store::Usage& usage);
// A line for each thing, the largest first. `now`: seconds since 1970.
std::string entries_text(std::vector<store::UsageEntry> entries, std::int64_t now);
std::string usage_json(const build::DiskUsage& usage);

}  // namespace lichen::cli
