// A graph as the steps of a provenance predicate: BuildKit's LLB in JSON, as Go writes it
// (`llbDefinition` in docs/attestations/slsa-definitions.md of BuildKit). For .cc files only.
//
//   const Steps steps(graph, result);
//   json::Value definition = steps.definition();
//
// Steps are numbered from the sources up; the last has no operation and names the result. What an
// address has of credentials, and what proxies are, is left out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "oci/json.h"

namespace lichen::attest {

// "https://xxxxx:xxxxx@host/": that there were credentials stays to be seen.
std::string masked(std::string_view text);

class Steps {
 public:
  // What `result` needs of the graph, which is borrowed.
  Steps(const graph::Graph& graph, std::optional<graph::Input> result);

  const std::vector<graph::VertexId>& vertices() const { return vertices_; }
  std::string id(graph::VertexId vertex) const;  // "step3"
  oci::json::Value definition() const;
  oci::json::Value digest_mapping() const;  // digest of a vertex -> its step
  oci::json::Value locations() const;       // step -> lines of the Dockerfile

 private:
  const graph::Graph& graph_;
  std::optional<graph::Input> result_;
  std::vector<graph::VertexId> vertices_;  // inputs first
  std::map<graph::VertexId, std::size_t> numbers_;
};

}  // namespace lichen::attest
