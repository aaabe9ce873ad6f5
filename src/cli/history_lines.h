// An image's history as `lichen history` shows it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/json_text.h"
#include "oci/types.h"

namespace lichen::cli {

// Last step first. Foreign configs may have fewer entries than layers: those have size 0 left.
std::vector<HistoryLine> history_lines(const std::vector<oci::History>& history,
                                       const std::vector<oci::Descriptor>& layers);
std::string history_table(const std::vector<HistoryLine>& lines, std::int64_t now, bool no_trunc);

}  // namespace lichen::cli
