// Sizes, times and tables as docker prints them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/human_size.h"

namespace lichen::cli {

// "Less than a second", "About a minute", "3 hours", "2 weeks"; then " ago".
std::string human_ago(std::int64_t seconds);
// "0.1s".
std::string human_seconds(double seconds);

// Columns three blanks apart, the last one not padded. Rows[0] is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

// At most `width` characters (code points), the last one "…" when something was cut.
std::string shorten(std::string_view text, std::size_t width);

}  // namespace lichen::cli
