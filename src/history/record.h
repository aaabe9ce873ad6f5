// A build as its record tells it, put together from its entries.
//
//   Build build;
//   for (const Entry& entry : entries) build.add(entry);
//
// Pure; nothing in it is fit for a terminal or a page as it is: texts are what builds wrote.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "history/entry.h"
#include "history/step_spec.h"

namespace lichen::history {

enum class State {
  kRunning,
  kDone,
  kCached,  // of a step
  kFailed,
  kCancelled,
  kKilled,  // of a build: its process is gone, and did not say how it ended
};
const char* to_text(State state);

// The line that stands where a log is cut.
std::string omitted_text(std::uint64_t bytes, const std::string& where);

struct LogChunk {
  double at = 0;
  bool is_stderr = false;
  std::string bytes;
};
struct Transfer {
  std::string what;
  double began = 0, ended = 0;
  std::uint64_t bytes = 0;
};

struct Step {
  int number = 0;
  std::string name, why;  // why it was not found in the cache
  State state = State::kRunning;
  double began = 0, ended = 0;
  std::string error;
  std::vector<LogChunk> log;
  std::vector<Transfer> transfers;
  std::uint64_t peak_bytes = 0;  // of memory; 0: not known
  std::int64_t kept = 0;         // the snapshot that a failed step left; 0: none
  StepSpec spec;                 // has no key when it is not known

  std::uint64_t moved_bytes() const;
  std::string log_text() const;
};

struct Build {
  std::string id;
  std::string dockerfile, context, target, tier, names, image;
  std::int64_t began = 0;  // seconds since 1970
  double seconds = 0;
  State state = State::kRunning;
  std::string error;
  std::map<int, Step> steps;
  std::vector<std::string> warnings, notices;

  void add(const Entry& entry);
  std::size_t count(State wanted) const;  // of steps
};

// The steps on the longest way from the first to the last, by the time that each took and what it
// waited for; in the order of time.
std::vector<int> critical_path(const Build& build);

}  // namespace lichen::history
