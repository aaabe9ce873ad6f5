// `lichen build --check`: lint without a build, and how its result is shown.
//
//   const LintReport report = lint(frontend, images);
//   to_text(report, frontend) / to_json(report, frontend)
//
// Pure but for `images`. Text and JSON are those of buildx and BuildKit (its result.json).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dockerfile/lower.h"

namespace lichen::dockerfile {

struct LintReport {
  std::vector<Warning> warnings;  // of rules only; by line
  // Why the Dockerfile would not build, located as lower()'s are; the message without that; where.
  std::optional<Error> error;
  std::string error_message;
  Lines error_lines;

  bool clean() const { return warnings.empty() && !error; }
};

// Of the target, or without one of all stages.
LintReport lint(Frontend request, Images& images);

// The error is not in it: it is printed as errors are.
std::string to_text(const LintReport& report, const Frontend& request);
std::string to_json(const LintReport& report, const Frontend& request);

}  // namespace lichen::dockerfile
