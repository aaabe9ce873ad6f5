// `lichen build --call=targets`: the stages of a Dockerfile, as BuildKit lists them.
//
//   const Targets targets = TRY(list_targets(frontend));
//   to_text(targets) / to_json(targets, frontend)
//
// Pure: nothing is expanded and no image is asked for.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "dockerfile/lower.h"

namespace lichen::dockerfile {

struct Target {
  std::string name;         // "" without AS
  std::string base;         // as written
  std::string platform;     // as written
  std::string description;  // of the comment "# NAME description" above FROM
  bool is_default = false;
  Lines lines;
};
using Targets = std::vector<Target>;

// Errors are located as lower()'s.
Result<Targets> list_targets(const Frontend& request);

std::string to_text(const Targets& targets);
std::string to_json(const Targets& targets, const Frontend& request);

}  // namespace lichen::dockerfile
