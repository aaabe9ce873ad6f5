// What `lichen debug ast|words|ignore FILE` print: how lichen reads a Dockerfile, words with
// variables, an ignore file. The conformance cases compare the same. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::cli {

// The syntax tree of a Dockerfile: one instruction a line, or with everything as JSON.
Result<std::string> ast_text(const std::string& dockerfile, bool as_json);

// Lines "ENV NAME=VALUE" set variables for the lines below; each other line is a word, and gives a
// line of JSON: {"input", "result", "words", "matched", "unmatched"} or {"input", "error"}. Blank
// lines and those that start with "#" are passed over.
std::string words_text(const std::string& lines);

// A line of JSON for each pattern: {"pattern", "match_type", "regex"}; or, with paths, for each
// path: {"path", "match"}.
Result<std::string> ignore_text(const std::string& file, const std::vector<std::string>& paths);

}  // namespace lichen::cli
