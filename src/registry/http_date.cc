#include "registry/http_date.h"

#include <ctime>

namespace lichen::registry {

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == 0) return ::timegm(&parts);
  }
  return std::nullopt;
}

}  // namespace lichen::registry
