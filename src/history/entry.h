// One line of a build's record: what happened, and when. JSON, so that other tools can read it; a
// step's output is base64, because it is any bytes.
//
//   file << to_line({.at = 1.25, .kind = Kind::kStarted, .step = 3, .text = "[2/5] RUN make"});
//   Entry entry = TRY(parse_entry(line));
//
// docs/formats/history.md lists the members. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lichen::history {

enum class Kind {
  kBegin,     // the first: what was asked for
  kStarted,   // text: the step's name
  kMissed,    // text: why
  kCached,    // text: the step's name
  kLog,       // text: bytes that it wrote; flag: to standard error
  kTransfer,  // text: what; bytes, total; flag: it is done
  kDone,
  kFailed,   // text: the error; flag: it was cancelled
  kWarning,  // text
  kNotice,   // text
  kPeak,     // bytes: the most memory that one process of the step had
  kKept,     // number: the snapshot that a failed step left
  kSpec,     // json: StepSpec
  kOmitted,  // bytes: so much of what it wrote is not in the record
  kEnd,      // the last: text: the error or ""; flag: it was cancelled
};

struct Entry {
  double at = 0;  // seconds since the build began
  Kind kind = Kind::kNotice;
  int step = 0;  // 0: of no step
  std::string text;
  bool flag = false;
  std::uint64_t bytes = 0, total = 0;
  std::int64_t number = 0;  // kBegin: seconds since 1970
  // Of kBegin: Dockerfile, context, target, tier; of kEnd: the image's id. By name.
  std::vector<std::pair<std::string, std::string>> more;
  std::string json;  // an object

  friend bool operator==(const Entry&, const Entry&) = default;
};

std::string to_line(const Entry& entry);  // with the line feed
Result<Entry> parse_entry(std::string_view line);

}  // namespace lichen::history
