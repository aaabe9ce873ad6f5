// SBOMs: a generator, which is an image, is run over the result and writes what it has found.
// BuildKit's protocol (docs/attestations/sbom-protocol.md there).
//
//   graph = TRY(with_scan(std::move(graph), lowered.scanned, request, generator));
//   … solve …
//   for (ScanFile& file : TRY(read_scan(store, snapshot))) …
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/attestation_options.h"
#include "dockerfile/lower.h"
#include "graph/graph.h"
#include "solver/solver.h"
#include "store/store.h"

namespace lichen::build {

// A graph of one result with a second one: the tree of the generator after its run, which has
// looked at the first and at `extras`. nullopt when there is nothing to look at.
Result<graph::Graph> with_scan(graph::Graph graph,
                               const std::vector<dockerfile::ScanTarget>& extras,
                               const SbomRequest& request,
                               const dockerfile::ResolvedImage& generator);

struct ScanFile {
  std::string name;   // "sbom.spdx.json"
  std::string bytes;  // hostile
};
// What the generator's step has written; `scan` 0: nothing.
Result<std::vector<ScanFile>> read_scan(const store::Store& store, solver::ResultId scan);

}  // namespace lichen::build
