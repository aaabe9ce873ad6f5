// Dockerfile text -> Ast: physical lines are joined to logical ones (comments, continuations,
// directives, heredocs), each is split by the grammar of its instruction.
//
//   Ast ast = TRY(parse("FROM debian\nRUN true\n"));
//
// Errors carry their position: error_lines(error). Pure; no recursion that input can deepen
// (ONBUILD nests once). Source of rules: the Dockerfile reference, BuildKit's parser tests.
#pragma once

#include <string_view>

#include "base/result.h"
#include "dockerfile/ast.h"

namespace lichen::dockerfile {

inline constexpr std::size_t kMaxLineBytes = 65535;
inline constexpr std::size_t kMaxFileBytes = 4u << 20;

// On failure `*where` (if not null) gets the lines that the error is about.
Result<Ast> parse(std::string_view text, Lines* where = nullptr);

}  // namespace lichen::dockerfile
