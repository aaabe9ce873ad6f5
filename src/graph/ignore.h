// .dockerignore patterns (moby/patternmatcher's meaning): the last match wins, "!" readmits, a
// match of a parent directory counts for what is in it.
//
//   Ignore ignore = TRY(Ignore::parse(text));
//   if (ignore.excludes("node_modules/x")) …
//   if (ignore.can_skip_directory("node_modules")) …   // no "!" pattern can match inside
//
// Immutable after parse; safe to share between threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::graph {

class Ignore {
 public:
  Ignore();
  ~Ignore();
  Ignore(Ignore&&) noexcept;
  Ignore& operator=(Ignore&&) noexcept;

  // The text of an ignore file.
  static Result<Ignore> parse(std::string_view text);
  // Its patterns: trimmed, clean, without comments; not yet looked into.
  static std::vector<std::string> read(std::string_view text);
  static Result<Ignore> from_patterns(const std::vector<std::string>& patterns);

  // `path` is relative to the context root, without a leading slash.
  bool excludes(std::string_view path) const;
  // `directory` is excluded and nothing inside it can be readmitted.
  bool can_skip_directory(std::string_view directory) const;
  bool empty() const { return size() == 0; }
  std::size_t size() const;  // patterns that are not blank
  bool readmits() const;     // there is a "!" pattern
  const std::vector<std::string>& patterns() const;

 private:
  struct Patterns;
  std::shared_ptr<const Patterns> patterns_;
};

// Wildcards of COPY sources (Go's filepath.Match: * ? [a-z] \x; no ** and * never crosses "/").
Result<bool> match_wildcard(std::string_view pattern, std::string_view name);
bool has_wildcard(std::string_view text);

}  // namespace lichen::graph
