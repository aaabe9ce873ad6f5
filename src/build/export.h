// The end of a build: the target's snapshot becomes an image, and goes where the user asked.
#pragma once

#include "base/result.h"
#include "build/request.h"
#include "build/session.h"
#include "build/steps.h"
#include "oci/types.h"
#include "solver/solver.h"

namespace lichen::build {

// Mistakes in --output and --tag that can be told before building.
Result<void> check_outputs(const Request& request);

struct ExportContext {
  Session& session;
  const Request& request;
  const Environment& environment;
  Steps& steps;
  const std::map<std::string, std::string>& secrets;  // id -> bytes
  std::optional<std::int64_t> source_date_epoch;
};
Result<Outcome> export_result(const ExportContext& context, solver::ResultId snapshot,
                              const oci::ImageConfig& config);

}  // namespace lichen::build
