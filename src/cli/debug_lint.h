// What `lichen debug lint FILE [IGNOREFILE]` prints: what lint finds in a Dockerfile, a line of
// JSON for each warning, {"rule", "detail", "line"}, and a last one {"error", "line"} if it would
// not build. The conformance cases compare the same. Pure: base images are made up, so what depends
// on theirs (their SHELL, variables, platform, triggers) is not found.
#pragma once

#include <string>

#include "dockerfile/lower.h"

namespace lichen::cli {

std::string lint_text(const dockerfile::Frontend& request);

}  // namespace lichen::cli
