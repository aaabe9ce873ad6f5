#include "archive/pax.h"

#include <limits>

#include "base/text.h"

namespace lichen::archive {

Result<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (text.empty()) return fail(Errc::kCorrupt, "a number is missing");
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9')
      return fail(Errc::kCorrupt, "bad number \"" + printable(text.substr(0, 40)) + "\"");
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return fail(Errc::kCorrupt, "number is too large");
    value = value * 10 + digit;
  }
  return value;
}

Result<PaxRecords> parse_pax(std::string_view bytes) {
  PaxRecords records;
  while (!bytes.empty()) {
    // Some writers fill the header up with NULs.
    if (bytes.find_first_not_of('\0') == std::string_view::npos) break;
    const std::size_t blank = bytes.substr(0, 20).find(' ');
    if (blank == std::string_view::npos) return fail(Errc::kCorrupt, "pax record without a length");
    const std::uint64_t length = TRY(parse_decimal(bytes.substr(0, blank)));
    if (length > bytes.size() || length < blank + 2)
      return fail(Errc::kCorrupt, "pax record of impossible length " + std::to_string(length));
    const std::string_view record = bytes.substr(blank + 1, length - blank - 1);
    const std::size_t equals = record.find('=');
    if (record.back() != '\n' || equals == std::string_view::npos || equals == 0)
      return fail(Errc::kCorrupt,
                  "malformed pax record \"" + printable(record.substr(0, 40)) + "\"");
    records.emplace_back(record.substr(0, equals),
                         record.substr(equals + 1, record.size() - equals - 2));
    bytes.remove_prefix(length);
  }
  return records;
}

std::string to_pax(const std::map<std::string, std::string>& records) {
  std::string bytes;
  for (const auto& [key, value] : records) {
    const std::size_t rest = key.size() + value.size() + 3;  // blank, '=' and newline
    // The length counts its own digits.
    std::size_t length = rest + std::to_string(rest).size();
    length = rest + std::to_string(length).size();
    bytes += std::to_string(length) + ' ' + key + '=' + value + '\n';
  }
  return bytes;
}

Result<PaxTime> parse_pax_time(std::string_view text) {
  const bool negative = starts_with(text, "-");
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  PaxTime time;
  time.seconds = static_cast<std::int64_t>(TRY(parse_decimal(text.substr(0, dot))));
  if (dot != std::string_view::npos) {
    std::uint32_t unit = 100'000'000;
    for (const char c : text.substr(dot + 1)) {
      if (c < '0' || c > '9')
        return fail(Errc::kCorrupt, "bad time \"" + printable(text.substr(0, 40)) + "\"");
      time.nanoseconds += unit * static_cast<std::uint32_t>(c - '0');
      unit /= 10;
    }
  }
  if (negative) {
    time.seconds = -time.seconds;
    if (time.nanoseconds > 0) {
      time.seconds -= 1;
      time.nanoseconds = 1'000'000'000 - time.nanoseconds;
    }
  }
  return time;
}

}  // namespace lichen::archive
