// Which system calls of a `bare` step stop, and how: data for its seccomp filter.
#pragma once

#include <cstdint>
#include <vector>

namespace lichen::bare {

enum class Stop : std::uint8_t {
  kNotify,  // the listener answers; with Options::backend kPtrace: kTrace
  kTrace,   // ptrace: the caller has to do something itself
  kErrno,   // refused with `error`, by the filter alone; 0: succeeds at once
};

struct StoppedCall {
  long nr = 0;
  Stop stop = Stop::kNotify;
  int error = 0;
  enum class Match : std::uint8_t {
    kAlways,
    kMaskEquals,
    kMaskAny,
    kNotZero
  } match = Match::kAlways;
  int arg = 0;  // whose low 32 bits (kNotZero: all 64) are compared
  std::uint32_t mask = 0, value = 0;
};

// In the order in which a filter tries them: the first that fits counts. What none fits is allowed.
std::vector<StoppedCall> stopped_calls();

}  // namespace lichen::bare
