// The end of a build: the targets' snapshots become an image, or an index of one for each platform,
// and go where the user asked.
#pragma once

#include <functional>

#include "base/result.h"
#include "build/attestations.h"
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
  std::function<void()> layer_written;                // called from several threads
  const Attestations& attestations;
  std::optional<std::int64_t> source_date_epoch;
  std::int64_t now = 0;  // seconds since 1970
};
// What was built for one platform.
struct Built {
  oci::Platform platform;
  solver::ResultId snapshot = 0;
  oci::ImageConfig config;
};
// `built`: in the order of Request::platforms; several only if is_multi_platform(request).
Result<Outcome> export_result(const ExportContext& context, const std::vector<Built>& built);

}  // namespace lichen::build
