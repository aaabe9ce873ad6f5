// Questions about a Dockerfile that need no build: `lichen build --check` and `--call=…`. No tier
// is chosen and nothing runs; store and registry are opened only when a base image is looked at.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "build/event.h"
#include "build/request.h"

namespace lichen::build {

enum class Call { kCheck, kOutline, kTargets };

struct Answer {
  std::string text, json;      // of the same, for people and for programs (BuildKit's result.json)
  bool has_warnings = false;   // of kCheck
  std::optional<Error> error;  // of kCheck: why it would not build; what else was found is told
};

// Events are of base images that are asked for.
Result<Answer> call(Call call, const Request& request, const Environment& environment,
                    const EventSink& events);

}  // namespace lichen::build
