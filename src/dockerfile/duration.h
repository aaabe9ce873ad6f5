// Durations as Go writes and reads them: "1h30m", "1.5s", "100ms". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen::dockerfile {

Result<std::int64_t> parse_duration(std::string_view text);  // nanoseconds
std::string duration_text(std::int64_t nanoseconds);

}  // namespace lichen::dockerfile
