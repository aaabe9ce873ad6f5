#include "base/boolean.h"

#include "base/text.h"

namespace lichen {

Result<bool> parse_bool(std::string_view text) {
  const std::string word = to_lower(text);
  for (const char* yes : {"true", "1", "t", "yes", "on"})
    if (word == yes) return true;
  for (const char* no : {"false", "0", "f", "no", "off"})
    if (word == no) return false;
  return fail(Errc::kInvalid, "\"" + std::string(text) + "\" is neither true nor false");
}

}  // namespace lichen
