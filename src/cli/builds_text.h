// What `lichen builds` and `lichen explain` print. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "build/explain.h"
#include "history/record.h"

namespace lichen::cli {

std::string builds_table(const std::vector<history::Build>& builds, std::int64_t now);
std::string builds_json(const std::vector<history::Build>& builds);
// One build: what it was, and its steps.
std::string build_text(const history::Build& build);
std::string build_json(const history::Build& build);
// What steps wrote, as --progress=plain shows it but for turns; `step` 0: of all.
std::string log_text(const history::Build& build, int step);

std::string explanation_text(const build::Explanation& explanation);
std::string explanation_json(const build::Explanation& explanation);

}  // namespace lichen::cli
