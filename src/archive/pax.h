// pax extended header records, "LENGTH KEY=VALUE\n". Internal to archive.
//
// Pure functions. Rules: POSIX.1-2017 pax, "pax Extended Header"; SCHILY.xattr.* is star's, which
// docker, GNU tar and bsdtar share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lichen::archive {

inline constexpr std::size_t kMaxPaxBytes = 1024 * 1024;
inline constexpr std::string_view kXattrKey = "SCHILY.xattr.";

// In the order of the archive: the records of GNU.sparse 0.0 repeat.
using PaxRecords = std::vector<std::pair<std::string, std::string>>;

Result<PaxRecords> parse_pax(std::string_view bytes);
std::string to_pax(const std::map<std::string, std::string>& records);

// Decimal digits only, at most INT64_MAX.
Result<std::uint64_t> parse_decimal(std::string_view text);

struct PaxTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};
// "-12.5" is 13 seconds before the epoch plus half a second. Digits after the ninth are dropped.
Result<PaxTime> parse_pax_time(std::string_view text);

}  // namespace lichen::archive
