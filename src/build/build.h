// The composition: a request in, events and an outcome out. The only place that wires all modules.
//
//   auto outcome = build::build(request, environment, [&](const Event& event) { display(event); });
#pragma once

#include "base/result.h"
#include "build/event.h"
#include "build/request.h"
#include "os/child.h"

namespace lichen::build {

// Builds, exports and pushes. Must be called while the process has one thread: the keeper is forked
// first. A failing RUN is kFailed, with the tail of its output and the Dockerfile's excerpt in
// Error::detail.
Result<Outcome> build(const Request& request, const Environment& environment,
                      const EventSink& events);

// Runs an image's command in the sandbox with the caller's standard streams; its changes are
// discarded. Single-threaded caller, as above. Environment::cancelled ends the command.
Result<os::WaitStatus> run(const RunRequest& request, const Environment& environment,
                           const EventSink& events);

}  // namespace lichen::build
