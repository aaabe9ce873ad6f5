// --cache-to: what this build did and found, with the layers that it made, for builds elsewhere.
#pragma once

#include <vector>

#include "build/image_layers.h"
#include "graph/graph.h"
#include "oci/cache_config.h"
#include "ops/runner.h"

namespace lichen::build {

// A build that is done: what its vertices are called, and what they have become.
struct SolvedGraph {
  const graph::Graph& graph;
  ops::Runner& runner;
  ops::Cache& cache;
  ops::ImportedCache& imported;
  const std::vector<solver::ResultId>& targets;
};

// The records about `layers`, those of an image, for its config: kInlineCacheMember's value; empty:
// there are none.
Result<std::string> inline_cache(const ExportContext& context, const SolvedGraph& solved,
                                 const image::Layers& layers);

// Writes the caches of --cache-to that are no inline ones.
Result<void> export_caches(const ExportContext& context, const SolvedGraph& solved);

}  // namespace lichen::build
