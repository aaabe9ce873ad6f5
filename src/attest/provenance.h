// What a build was made of and how, as the predicate of an in-toto statement: SLSA provenance.
//
//   const std::string predicate = provenance(facts, options);
//
// SLSA v1 and v0.2 with BuildKit's extension fields (docs/attestations/slsa-definitions.md of
// BuildKit). Credentials in addresses are masked, what secrets are is never known here. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "oci/types.h"

namespace lichen::attest {

enum class Detail {
  kMin,  // no values of build arguments and labels, no secrets' names, no Dockerfile, no steps
  kMax,
};
enum class SlsaVersion { kV1, kV02 };

struct ProvenanceOptions {
  Detail detail = Detail::kMax;
  SlsaVersion version = SlsaVersion::kV1;
  std::string builder_id;
  bool reproducible = false;  // as the user promises
};

// Where bytes came from, and what they were.
struct Origin {
  std::string uri;
  std::string algorithm, hex;  // "sha256", or of a commit "sha1"
};

// Graph and texts are borrowed.
struct BuildFacts {
  const graph::Graph& graph;
  std::optional<graph::Input> result;
  // As BuildKit's front end is given them: "build-arg:A", "label:B", "target", "context:NAME".
  std::map<std::string, std::string> arguments;
  std::optional<Origin> context;  // of a directory: none
  std::string dockerfile, dockerfile_name;
  std::map<graph::VertexId, Origin> fetched;  // URLs and repositories of the graph
  std::map<graph::VertexId, std::vector<oci::Descriptor>> layers;  // of a step's tree, lowest first
  std::map<std::string, std::string> vcs;                          // "source", "revision"
  oci::Platform builder;
  std::string invocation;         // the same for all platforms of a build
  std::string started, finished;  // RFC 3339
};

const char* predicate_type(SlsaVersion version);
std::string provenance(const BuildFacts& facts, const ProvenanceOptions& options);

}  // namespace lichen::attest
