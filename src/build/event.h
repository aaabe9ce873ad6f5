// What a build reports while it runs: one stream of values. The CLI draws it, a daemon will
// translate it. Events of one step come in order; steps interleave.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "base/result.h"

namespace lichen::build {

// Steps are numbered from 1 in the order in which they are first mentioned.
struct StepsExpected {  // so many are to come, beside those that were mentioned
  int more = 0;
};
struct StepStarted {
  int step = 0;
  std::string name;  // "[build 2/5] RUN make"
};
struct StepMissed {  // it runs because no record was found: why
  int step = 0;
  std::string why;  // "file src/a.c changed"
};
struct StepLog {
  int step = 0;
  bool is_stderr = false;
  std::string text;  // raw bytes of the step's output, may end inside a line
};
struct StepTransfer {  // a blob that moves, or a layer that is made
  int step = 0;
  std::string what;                    // "sha256:1234… ", "exporting layers"
  std::uint64_t bytes = 0, total = 0;  // total 0: unknown
  bool done = false;
};
struct StepCached {
  int step = 0;
  std::string name;
};
struct StepDone {
  int step = 0;
  double seconds = 0;
};
struct StepFailed {
  int step = 0;
  Error error;  // code kCancelled: it was stopped, not to blame
};
struct Warning {
  std::string text;
  std::string file;  // the Dockerfile, for what is about it; else empty
  int line = 0;
  std::string rule;  // of lint; empty: it comes from none
};
struct Notice {  // a sentence about the build as a whole: the tier that was taken, and why
  std::string text;
};
using Event = std::variant<StepsExpected, StepStarted, StepMissed, StepLog, StepTransfer,
                           StepCached, StepDone, StepFailed, Warning, Notice>;

// Called from several threads, one call at a time.
using EventSink = std::function<void(const Event&)>;

}  // namespace lichen::build
