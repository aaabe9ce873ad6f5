// The end of a build: the targets' snapshots become an image, or an index of one for each platform,
// and go where the user asked.
#pragma once

#include <functional>

#include "base/result.h"
#include "build/attestations.h"
#include "build/image_layers.h"
#include "oci/types.h"
#include "solver/solver.h"

namespace lichen::build {

// Mistakes in --output and --tag that can be told before building.
Result<void> check_outputs(const Request& request);

// What was built for one platform.
struct Built {
  oci::Platform platform;
  solver::ResultId snapshot = 0;
  oci::ImageConfig config;
};
// The value of kInlineCacheMember in the config of an image with these layers; empty: none.
using InlineCache = std::function<Result<std::string>(const image::Layers& layers)>;
// Whether the outputs need no snapshots: layers may still be elsewhere.
bool needs_blobs_only(const Request& request);

// `built`: in the order of Request::platforms; several only if is_multi_platform(request).
Result<Outcome> export_result(const ExportContext& context, const std::vector<Built>& built,
                              const InlineCache& inline_cache);

}  // namespace lichen::build
