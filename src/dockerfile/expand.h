// Expansion of variables and quotes in Dockerfile words: $name, ${name} and its modifiers
// (:- - :+ + :? ? # ## % %% / //), single and double quotes, the escape character.
//
//   Expander expander{.escape = '\\'};
//   std::string text = TRY(expander.word("${A:-x}", env)).text;
//
// Source of rules: the reference page of the Dockerfile language and BuildKit's tests of it.
// Bounded on hostile input: nesting, result size and pattern work have limits (kInvalid beyond).
// Pure; values; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

// Answers the value of a variable, nullopt when unset.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;
Variables variables_of(const std::vector<std::string>& env);  // "K=V"; keeps a reference

struct Expansion {
  std::string text;
  std::vector<std::string> words;  // of the text, split at unquoted blanks
  std::set<std::string> matched, unmatched;
};

struct Expander {
  char escape = '\\';
  bool raw_quotes = false;   // quotes stay in the text
  bool raw_escapes = false;  // escape characters stay in the text
  bool skip_unset = false;   // an unset variable stays as it is written
  bool skip_quotes = false;  // quotes mean nothing (bodies of COPY heredocs)

  Result<Expansion> word(std::string_view text, const Variables& variables) const;
};

}  // namespace lichen::dockerfile
