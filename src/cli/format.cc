#include "cli/format.h"

#include <algorithm>
#include <cstdio>

namespace lichen::cli {

std::string human_ago(std::int64_t seconds) {
  struct Unit {
    std::int64_t below;  // used for ages below this
    std::int64_t seconds;
    const char *one, *many;
  };
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kWeek = 7 * kDay,
                         kMonth = 30 * kDay, kYear = 365 * kDay;
  constexpr Unit kUnits[] = {
      {kMinute, 1, "1 second", "seconds"},         {kHour, kMinute, "About a minute", "minutes"},
      {2 * kDay, kHour, "About an hour", "hours"}, {2 * kWeek, kDay, "1 day", "days"},
      {2 * kMonth, kWeek, "1 week", "weeks"},      {2 * kYear, kMonth, "1 month", "months"},
      {INT64_MAX, kYear, "1 year", "years"},
  };
  if (seconds < 1) return "Less than a second ago";
  for (const Unit& unit : kUnits) {
    if (seconds >= unit.below) continue;
    const std::int64_t count = seconds / unit.seconds;
    if (count == 1) return std::string(unit.one) + " ago";
    return std::to_string(count) + " " + unit.many + " ago";
  }
  return "long ago";
}

std::string human_seconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", std::max(0.0, seconds));
  return text;
}

namespace {

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  constexpr std::size_t kGap = 3;
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], characters(row[i]));
    }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] + kGap - characters(row[i]), ' ');
    }
    text += '\n';
  }
  return text;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (characters(text) <= width) return std::string(text);
  std::string kept;
  std::size_t count = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && ++count == width) break;
    kept += c;
  }
  return kept + "…";
}

}  // namespace lichen::cli
