#include "cli/text_width.h"

#include <cstdint>

namespace lichen::cli {

namespace {

struct Range {
  char32_t first, last;
};
// The blocks that Unicode's EastAsianWidth.txt has as wide throughout, and emoji.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},  {0xa960, 0xa97c}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
// Combining marks, joiners, variation selectors.
constexpr Range kZero[] = {{0x0300, 0x036f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                           {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};

template <std::size_t N>
bool within(const Range (&ranges)[N], char32_t point) {
  for (const Range& range : ranges)
    if (point >= range.first && point <= range.last) return true;
  return false;
}

// One unit of text: a character, a colour sequence, or a byte that is neither.
struct Unit {
  std::size_t bytes = 1, columns = 1;
  bool colour = false, valid = true;
};

std::size_t colour_bytes(std::string_view text) {
  if (text.size() < 3 || text[0] != '\x1b' || text[1] != '[') return 0;
  const std::size_t end = text.find_first_not_of("0123456789;:", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

Unit first_unit(std::string_view text, std::size_t column) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead == '\t') return {.columns = 8 - column % 8};
  if (lead < 0x80) {
    if (const std::size_t bytes = colour_bytes(text))
      return {.bytes = bytes, .columns = 0, .colour = true};
    return {};
  }
  const std::size_t bytes = lead >= 0xf0 && lead < 0xf5   ? 4
                            : lead >= 0xe0 && lead < 0xf0 ? 3
                            : lead >= 0xc2 && lead < 0xe0 ? 2
                                                          : 0;
  if (bytes == 0 || bytes > text.size()) return {.valid = false};
  char32_t point = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return {.valid = false};
    point = point << 6 | (next & 0x3fu);
  }
  return {.bytes = bytes, .columns = within(kZero, point) ? 0u : within(kWide, point) ? 2u : 1u};
}

}  // namespace

std::size_t text_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Unit unit = first_unit(text, columns);
    columns += unit.columns;
    text.remove_prefix(unit.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  std::string shown;
  std::size_t column = 0;
  bool coloured = false;
  while (!text.empty()) {
    const Unit unit = first_unit(text, column);
    if (column + unit.columns > columns) break;
    column += unit.columns;
    coloured = coloured || unit.colour;
    if (text[0] == '\t')
      shown.append(unit.columns, ' ');
    else if (!unit.valid)
      shown += "\xef\xbf\xbd";
    else
      shown += text.substr(0, unit.bytes);
    text.remove_prefix(unit.bytes);
  }
  return coloured ? shown + "\x1b[0m" : shown;
}

}  // namespace lichen::cli
