// Dates of HTTP headers. Pure; nothing fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lichen::registry {

// Seconds since 1970 of an HTTP date (RFC 9110, section 5.6.7: all three forms).
std::optional<std::int64_t> parse_http_date(const std::string& text);

}  // namespace lichen::registry
