// A step on the caller's own standard streams, or on a terminal that leads to the caller's.
#pragma once

#include "base/result.h"
#include "build/session.h"
#include "container/run.h"

namespace lichen::build {

struct Foreground {
  bool terminal = false;
  bool interactive = false;      // else it has nothing to read
  SignalRelay* relay = nullptr;  // null: signals are not passed on
};
Result<container::RunOutcome> run_in_foreground(Session& session, const container::RunJob& job,
                                                const Foreground& how);

}  // namespace lichen::build
