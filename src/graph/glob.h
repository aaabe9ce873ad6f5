// Matching of compiled glob patterns: what .dockerignore, --exclude and wildcards of COPY share.
// The set of reached positions moves over the text once, so the cost is at most text times pattern.
// Pure; immutable; thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unicode.h"

namespace lichen::graph {

struct GlobItem {
  enum class Kind {
    kLiteral,
    kOne,    // one character but "/"
    kStar,   // any characters but "/"
    kClass,  // one character of (not of) the ranges
    kDirs,   // nothing, or anything up to and with a "/"
    kAll,    // anything
  };
  Kind kind = Kind::kLiteral;
  char32_t value = 0;
  bool negated = false;
  std::vector<unicode::Range> ranges;

  bool takes(char32_t c) const;
};

bool glob_match(const std::vector<GlobItem>& items, std::string_view text);

// A pattern of Go's filepath.Match: * ? [a-z] [^a] \x. Malformed ones are kInvalid.
Result<std::vector<GlobItem>> parse_glob(std::string_view pattern);

}  // namespace lichen::graph
