// Times as JSON documents have them. Pure. (to_rfc3339 is in text.h.)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lichen {

// Seconds since 1970 of "2026-11-24T16:07:11.123+01:00"; nullopt when it is not such a time.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace lichen
