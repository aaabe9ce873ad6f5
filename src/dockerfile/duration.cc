#include "dockerfile/duration.h"

#include <array>
#include <cstdlib>

#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

__extension__ typedef __int128 Wide;  // products of digits and units
constexpr Wide kMax = INT64_MAX;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "1.5" of a value in units of `unit`, trailing zeros dropped.
std::string decimal(std::uint64_t value, std::uint64_t unit) {
  std::string text = std::to_string(value / unit);
  std::string fraction = std::to_string(value % unit + unit).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  const std::string_view whole = text;
  const auto bad = [&whole](std::string_view what) {
    return fail(Errc::kInvalid, "time: " + std::string(what) + " " + unicode::quote(whole));
  };
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return bad("invalid duration");
  Wide total = 0;
  while (!text.empty()) {
    Wide value = 0;
    Wide scale = 1;
    std::size_t at = 0;
    std::size_t digits = 0;
    bool fraction = false;
    for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
      if (text[at] == '.') {
        fraction = true;
        continue;
      }
      ++digits;
      if (fraction && scale > 1'000'000'000'000'000) continue;  // beyond a nanosecond of an hour
      value = value * 10 + (text[at] - '0');
      if (fraction) scale *= 10;
      if (value / scale > kMax) return bad("invalid duration");
    }
    if (digits == 0) return bad("invalid duration");
    text.remove_prefix(at);
    std::size_t end = 0;
    while (end < text.size() && text[end] != '.' && !is_digit(text[end])) ++end;
    if (end == 0) return bad("missing unit in duration");
    const std::string_view name = text.substr(0, end);
    const Unit* unit = nullptr;
    for (const Unit& one : kUnits)
      if (one.name == name) unit = &one;
    if (unit == nullptr) return bad("unknown unit " + unicode::quote(name) + " in duration");
    total += value * unit->nanoseconds / scale;
    if (total > kMax) return bad("invalid duration");
    text.remove_prefix(end);
  }
  return static_cast<std::int64_t>(negative ? -total : total);
}

std::string duration_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const std::string sign = nanoseconds < 0 ? "-" : "";
  const std::uint64_t value = nanoseconds < 0 ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                              : static_cast<std::uint64_t>(nanoseconds);
  if (value < 1'000) return sign + std::to_string(value) + "ns";
  if (value < 1'000'000) return sign + decimal(value, 1'000) + "\u00b5s";
  if (value < 1'000'000'000) return sign + decimal(value, 1'000'000) + "ms";
  constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::uint64_t minutes = value / kMinute;
  std::string text = sign;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + decimal(value % kMinute, 1'000'000'000) + "s";
}

}  // namespace lichen::dockerfile
