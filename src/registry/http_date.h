// Dates of HTTP headers. Pure; nothing fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lichen::registry {

// Seconds since 1970 of an HTTP date (RFC 9110, section 5.6.7: all three forms).
std::optional<std::int64_t> parse_http_date(const std::string& text);
// Retry-After: seconds, or a date, from `now` on. -1: none that we understand.
std::int64_t parse_retry_after(const std::string& text, std::int64_t now);

}  // namespace lichen::registry
