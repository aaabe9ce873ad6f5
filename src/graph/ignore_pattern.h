// One pattern of .dockerignore, compiled. Pure; immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/glob.h"

namespace lichen::graph {

class IgnorePattern {
 public:
  // Most patterns need no glob: they are compared as text.
  enum class Type { kExact, kPrefix, kSuffix, kGlob };

  // `pattern` is trimmed and clean, without "!".
  static Result<IgnorePattern> parse(std::string_view pattern);

  bool matches(std::string_view path) const;
  Type type() const { return type_; }
  const std::string& text() const { return text_; }
  // What stands before the first character that is not itself.
  std::string_view literal_prefix() const;
  // The regular expression that means the same; for tests and `lichen debug ignore`.
  std::string regex() const;

 private:
  std::string text_, tail_;  // of a glob: what every match ends with
  std::size_t prefix_ = 0;   // bytes of literal_prefix()
  Type type_ = Type::kExact;
  std::vector<GlobItem> items_;
};

const char* to_text(IgnorePattern::Type type);  // "exact", "prefix", "suffix", "regexp"

}  // namespace lichen::graph
