// How much of what steps write goes into a record: of each step its begin and its end. What is
// between is counted, not kept.
//
//   LogBound bound;
//   if (bound.take(log)) write(log);                                // else it is kept back, or
//   left out for (const Entry& entry : bound.rest(step)) write(entry);      // the step has ended
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "history/entry.h"

namespace lichen::history {

struct LogLimits {
  std::size_t head = 2u << 20, tail = 2u << 20;  // bytes of a step
  // When a build's steps have filled so much, others have a short head and tail.
  std::size_t all = 8u << 20, least = 64u << 10;
  std::size_t entry = 64;  // what a line of the record takes beside its bytes
};

class LogBound {
 public:
  explicit LogBound(const LogLimits& limits = {}) : limits_(limits) {}

  // True: it is of the begin.
  bool take(const Entry& log);
  // Of a step that has ended, or of all: how much is left out (Kind::kOmitted), then the end.
  std::vector<Entry> rest(int step);
  std::vector<Entry> rest();

 private:
  struct Step {
    std::size_t head = 0, tail = 0;  // bytes, entries counted
    std::uint64_t omitted = 0;
    std::deque<Entry> kept;
  };
  std::size_t size_of(const Entry& entry) const { return entry.text.size() + limits_.entry; }
  bool is_full() const { return used_ >= limits_.all; }

  const LogLimits limits_;
  std::size_t used_ = 0;
  std::map<int, Step> steps_;
};

}  // namespace lichen::history
