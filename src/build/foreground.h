// A step on the caller's own standard streams, or on a terminal that leads to the caller's.
#pragma once

#include "base/result.h"
#include "build/session.h"
#include "container/run.h"

namespace lichen::build {

// Without `interactive` it has nothing to read.
Result<container::RunOutcome> run_in_foreground(Session& session, const container::RunJob& job,
                                                bool terminal, bool interactive);

}  // namespace lichen::build
