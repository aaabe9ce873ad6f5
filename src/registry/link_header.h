// Link headers, as far as lists that come in pages have them. Pure; nothing fails.
#pragma once

#include <string>

namespace lichen::registry {

// The target of `<…>; rel="next"` (RFC 8288); "": this was the last page.
std::string next_page(const std::string& link);

}  // namespace lichen::registry
