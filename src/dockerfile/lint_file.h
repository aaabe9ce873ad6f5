// Lint rules about a Dockerfile as it is written, before any variable is expanded.
#pragma once

#include "dockerfile/ast.h"
#include "dockerfile/lint.h"
#include "dockerfile/stage.h"

namespace lichen::dockerfile {

// NoEmptyContinuation.
void lint_continuations(const Ast& ast, Linter& linter);
// MaintainerDeprecated, StageNameCasing, FromAsCasing: before the node is known to be right.
void lint_node(const Node& node, Linter& linter);
// InvalidDefinitionDescription: of a good FROM or ARG.
void lint_description(const Node& node, const Instruction& instruction, Linter& linter);
// ReservedStageName, DuplicateStageName; ConsistentInstructionCasing.
void lint_stage_names(const Stages& stages, Linter& linter);
void lint_casing(const Stages& stages, Linter& linter);

}  // namespace lichen::dockerfile
