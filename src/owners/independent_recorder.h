// The sidecar of a layer of which nobody knows what it will be put on.
//
// Owners::Recorder leaves out what is the same as below; here each path that is set costs a change,
// so that applied to any Owners the result is what the layer has. Pure; a value.
//
//   IndependentRecorder recorder;
//   recorder.set("etc", {}, true);           // parents before children
//   Sidecar sidecar = recorder.take();
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "owners/record.h"

namespace lichen::owners {

class IndependentRecorder {
 public:
  // The layer has `path`; `is_directory` false hides what is beneath it. The last call for a path
  // counts.
  void set(std::string_view path, const Record& record, bool is_directory);
  Sidecar take() { return std::move(changes_); }

 private:
  std::map<std::string, Record, std::less<>> told_;
  Sidecar changes_;
};

}  // namespace lichen::owners
