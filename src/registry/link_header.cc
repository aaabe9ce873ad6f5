#include "registry/link_header.h"

#include "base/text.h"

namespace lichen::registry {

std::string next_page(const std::string& link) {
  std::size_t begin = link.find('<');
  while (begin != std::string::npos) {
    const std::size_t end = link.find('>', begin);
    if (end == std::string::npos) break;
    // What is said of this one, up to the next.
    const std::size_t next = link.find('<', end);
    const std::string parameters = to_lower(link.substr(end, next - end));
    if (parameters.find("rel=\"next\"") != std::string::npos ||
        parameters.find("rel=next") != std::string::npos)
      return link.substr(begin + 1, end - begin - 1);
    begin = next;
  }
  return {};
}

}  // namespace lichen::registry
