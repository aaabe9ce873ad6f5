// --ulimit TYPE=SOFT[:HARD], as docker has it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags.h"
#include "graph/graph.h"

namespace lichen::cli {

// Sorted by name; of several for one resource the last counts.
Flag ulimit_flag(std::vector<graph::Ulimit>& limits);

// "nofile=1024:2048"; one value is both; -1 is unlimited. Pure.
Result<graph::Ulimit> parse_ulimit(const std::string& text);

}  // namespace lichen::cli
