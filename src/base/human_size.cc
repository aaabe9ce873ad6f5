#include "base/human_size.h"

#include <cstdio>
#include <iterator>

namespace lichen {

std::string human_size(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 999.5 would be printed as 1e+03.
  while (size >= 999.5 && unit + 1 < std::size(kUnits)) {
    size /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.3g%s", size, kUnits[unit]);
  return text;
}

}  // namespace lichen
