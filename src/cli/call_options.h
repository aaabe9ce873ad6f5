// --check and --call=METHOD[,format=json]: questions about a Dockerfile instead of a build. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "build/call.h"

namespace lichen::cli {

struct CallOptions {
  std::optional<build::Call> call;  // nullopt: a build, as without the flag
  bool json = false;
  bool ignore_status = false;  // warnings make no exit status
};

// "check" (or "lint"), "outline", "targets", "build"; then "format=json|text", "ignorestatus=BOOL".
Result<CallOptions> parse_call(const std::string& text);

// Of a call that was answered.
int call_status(const CallOptions& options, const build::Answer& answer);

}  // namespace lichen::cli
