// Typed instructions as the data writes them.
#pragma once

#include "area.h"
#include "dockerfile/instruction.h"

namespace lichen::conformance {

Json json_of(const dockerfile::Instruction& instruction);

// RUN --mount in typed form, variables left as they are.
void add_mounts(const dockerfile::Run& run, Json& json);

// An empty list and none are one.
void drop_empty(Json& json);

}  // namespace lichen::conformance
