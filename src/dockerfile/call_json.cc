#include "dockerfile/call_json.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::dockerfile {

CallJson location_json(Lines lines) {
  CallJson location = CallJson::object();
  if (lines.first > 0)
    location["ranges"] = CallJson::array({CallJson{{"start", CallJson{{"line", lines.first}}},
                                                   {"end", CallJson{{"line", lines.last}}}}});
  return location;
}

std::string dump(const CallJson& json) {
  return json.dump(2, ' ', false, CallJson::error_handler_t::replace) + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t gap) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], printable(row[i]).size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string cell = printable(row[i]);
      if (i + 1 < row.size()) cell.resize(widths[i] + gap, ' ');
      line += cell;
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace lichen::dockerfile
