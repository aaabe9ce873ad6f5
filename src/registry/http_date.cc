#include "registry/http_date.h"

#include <algorithm>
#include <cstdlib>
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

std::int64_t parse_retry_after(const std::string& text, std::int64_t now) {
  if (!text.empty() && text.size() <= 9 &&
      text.find_first_not_of("0123456789") == std::string::npos)
    return std::atoi(text.c_str());
  const auto when = parse_http_date(text);
  return when ? std::max<std::int64_t>(*when - now, 0) : -1;
}

}  // namespace lichen::registry
