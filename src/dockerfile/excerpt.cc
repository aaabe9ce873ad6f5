#include "dockerfile/excerpt.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace lichen::dockerfile {

namespace {

constexpr std::size_t kMaxShownBytes = 400;  // of one line
constexpr int kMaxShownLines = 40;           // of a long instruction
constexpr char kRule[] = "--------------------\n";

}  // namespace

std::string excerpt(std::string_view file, std::string_view text, Lines lines) {
  const std::vector<std::string> all = split(text, '\n');
  const int count = static_cast<int>(all.size());
  if (lines.first < 1 || lines.first > count) return {};
  int first = lines.first;
  int last = std::clamp(lines.last, first, count);
  // Two lines of surroundings, four around a single line.
  const int pad = first == last ? 4 : 2;
  for (int added = 0; added < pad; ++added) {
    if (first > 1) {
      --first;
      ++added;
    }
    if (last < count) {
      ++last;
      ++added;
    }
  }
  std::string out = std::string(file) + ":" + std::to_string(lines.first) + "\n" + kRule;
  for (int line = first; line <= std::min(last, first + kMaxShownLines); ++line) {
    char number[32];
    std::snprintf(number, sizeof number, " %3d | ", line);
    std::string_view shown = all[static_cast<std::size_t>(line - 1)];
    if (ends_with(shown, "\r")) shown.remove_suffix(1);
    const bool marked = line >= lines.first && line <= std::max(lines.first, lines.last);
    out += number + std::string(marked ? ">>> " : "    ") +
           printable(shown.substr(0, kMaxShownBytes)) + "\n";
  }
  return out + kRule;
}

Error located(Error error, std::string_view file, std::string_view text, Lines lines) {
  if (!error.detail.empty()) return error;
  error.context.push_back(std::string(file) +
                          (lines.first > 0 ? ":" + std::to_string(lines.first) : ""));
  error.detail = excerpt(file, text, lines);
  return error;
}

}  // namespace lichen::dockerfile
