// Glob patterns of ${v#p}, ${v%p}, ${v/p/r}: * and ? match any characters but a line feed; a
// backslash before one of * ? \ } / makes it literal (the syntax around needs the last two). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

class Pattern {
 public:
  static Result<Pattern> parse(std::string_view text);

  // Without the shortest or longest match at the start or the end of `value`.
  Result<std::string> trim_prefix(std::string_view value, bool longest) const;
  Result<std::string> trim_suffix(std::string_view value, bool longest) const;
  // The first match (leftmost, longest), or all of them, replaced.
  Result<std::string> replace(std::string_view value, std::string_view replacement, bool all) const;

  // The pattern of the same texts written backwards.
  Pattern reversed() const;
  // The regular expression that means the same; for tests and people.
  std::string regex(bool greedy, bool anchored) const;

 private:
  enum class Kind { kLiteral, kAny, kOne };
  struct Item {
    Kind kind;
    char32_t value;
    bool is_any() const { return kind == Kind::kAny; }
    bool takes(char32_t c) const { return kind == Kind::kLiteral ? c == value : c != '\n'; }
  };
  std::vector<Item> items_;
};

}  // namespace lichen::dockerfile
