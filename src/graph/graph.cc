#include "graph/graph.h"

namespace lichen::graph {

VertexId GraphBuilder::add(Vertex vertex, Metadata metadata) {
  Hasher hasher;
  hasher.field(canonical(vertex.op));
  hasher.field(vertex.platform ? oci::to_text(*vertex.platform) : "");
  hasher.field(vertex.platform ? vertex.platform->os_version : "");
  for (const Input& input : vertex.inputs) {
    LICHEN_ASSERT(input.vertex < graph_.vertices.size());
    hasher.field(graph_.digests[input.vertex].text());
    hasher.field(std::to_string(input.output));
  }
  const Digest digest = hasher.finish();
  const auto [known, is_new] = by_digest_.try_emplace(digest.text(), graph_.vertices.size());
  if (!is_new) {
    bool& ignore_cache = graph_.metadata[known->second].ignore_cache;
    ignore_cache = ignore_cache || metadata.ignore_cache;
    return known->second;
  }
  graph_.vertices.push_back(std::move(vertex));
  graph_.digests.push_back(digest);
  graph_.metadata.push_back(std::move(metadata));
  return known->second;
}

Graph GraphBuilder::finish(std::optional<Input> result) && {
  const std::size_t count = graph_.vertices.size();
  std::vector<char> reached(count, 0);
  if (result) {
    LICHEN_ASSERT(result->vertex < count);
    reached[result->vertex] = 1;
  }
  // Inputs come before their users, so one pass from the end marks all that is needed.
  for (std::size_t id = count; id-- > 0;)
    if (reached[id])
      for (const Input& input : graph_.vertices[id].inputs) reached[input.vertex] = 1;

  Graph kept;
  std::vector<VertexId> renumbered(count, 0);
  for (std::size_t id = 0; id < count; ++id) {
    if (!reached[id]) continue;
    renumbered[id] = kept.vertices.size();
    Vertex vertex = std::move(graph_.vertices[id]);
    for (Input& input : vertex.inputs) input.vertex = renumbered[input.vertex];
    kept.vertices.push_back(std::move(vertex));
    kept.digests.push_back(std::move(graph_.digests[id]));
    kept.metadata.push_back(std::move(graph_.metadata[id]));
  }
  kept.results.emplace_back();
  if (result) kept.results.back() = Input{renumbered[result->vertex], result->output};
  return kept;
}

Graph GraphBuilder::finish(std::vector<std::optional<Input>> results) && {
  graph_.results = std::move(results);
  return std::move(graph_);
}

Graph merge(std::vector<Graph> graphs) {
  if (graphs.size() == 1) return std::move(graphs.front());
  GraphBuilder builder;
  std::vector<std::optional<Input>> results;
  for (Graph& graph : graphs) {
    std::vector<VertexId> renumbered;
    for (VertexId id = 0; id < graph.vertices.size(); ++id) {
      Vertex vertex = std::move(graph.vertices[id]);
      for (Input& input : vertex.inputs) input.vertex = renumbered[input.vertex];
      renumbered.push_back(builder.add(std::move(vertex), std::move(graph.metadata[id])));
    }
    for (std::optional<Input>& result : graph.results) {
      if (result) result->vertex = renumbered[result->vertex];
      results.push_back(result);
    }
  }
  return std::move(builder).finish(std::move(results));
}

}  // namespace lichen::graph
