// The syntax tree as JSON, with everything that the dump (to_text) leaves out: positions, comments,
// heredoc bodies, warnings. What `lichen debug ast --json` prints. Empty fields are left out. Pure.
#pragma once

#include <string>

#include "dockerfile/ast.h"

namespace lichen::dockerfile {

// {"escape", "lines": [first, last], "warnings": [{"short", "line"}], "nodes": [{"value", "flags",
// "args" (texts, or {"sub": node}), "attributes", "original", "comments", "heredocs", "lines"}]}
std::string to_json(const Ast& ast);

}  // namespace lichen::dockerfile
