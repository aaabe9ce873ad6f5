// Here-documents of RUN, COPY and ADD: the words that start them ("<<EOF", "3<<-'X'"). Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dockerfile/ast.h"

namespace lichen::dockerfile {

// The heredoc that one word starts, without its content; nullopt when it starts none.
Result<std::optional<Heredoc>> parse_heredoc(std::string_view word);
// All that a line starts, in order.
Result<std::vector<Heredoc>> heredocs_of_line(std::string_view line);

}  // namespace lichen::dockerfile
