// Why a step has no result: its key's parts now against those of the nearest record.
//
// Kept for each result that is made (store::RecipeRecord), looked for only on a miss, so a build
// that finds everything pays nothing. Values of secrets and of proxy variables, and the credentials
// of URLs, are in no recipe. Services are borrowed. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "ops/runner.h"
#include "solver/recipe.h"

namespace lichen::ops {

class Recipes {
 public:
  using Files = std::map<std::string, std::string>;  // Listing::finish()
  // What a selection of a context brings; called on a miss.
  using ContextFiles = std::function<Files(graph::VertexId, const graph::Copy&)>;

  Recipes(const graph::Graph& graph, const Services& services, ContextFiles context_files)
      : graph_(graph), services_(services), context_files_(std::move(context_files)) {}

  // What the selection of an action, or of a mount, brings from another stage.
  void note_files(graph::VertexId vertex, std::size_t selection, Files files);

  std::string explain(graph::VertexId vertex, const std::vector<solver::ResultId>& inputs);
  void record(graph::VertexId vertex, const Digest& key,
              const std::vector<solver::ResultId>& inputs);
  // What a step in the place of this one made last, on the same tree.
  Result<std::optional<solver::ResultId>> earlier(graph::VertexId vertex,
                                                  solver::ResultId base) const;

 private:
  solver::Recipe make(graph::VertexId vertex, const std::vector<solver::ResultId>& inputs);
  const solver::Recipe& of(graph::VertexId vertex, const std::vector<solver::ResultId>& inputs);
  void add_exec(graph::VertexId vertex, const graph::ExecOp& exec, solver::Recipe& recipe) const;
  void add_files(graph::VertexId vertex, solver::Recipe& recipe);
  void add_inputs(graph::VertexId vertex, const std::vector<solver::ResultId>& inputs,
                  solver::Recipe& recipe);
  bool has_files(graph::VertexId vertex, std::size_t selection);
  void add(solver::Recipe& recipe, const std::string& name, const std::string& value,
           bool hidden = false) const;
  const graph::SourceOp* image_of(graph::VertexId vertex, std::size_t input) const;
  bool has_layers(const graph::SourceOp& source) const;
  std::string with_ignored(graph::VertexId vertex, std::string why) const;
  store::RecipeRecord record_of(graph::VertexId vertex) const;

  const graph::Graph& graph_;
  const Services& services_;
  ContextFiles context_files_;
  std::mutex mutex_;  // of what follows
  std::map<std::pair<graph::VertexId, std::size_t>, Files> files_;
  std::map<graph::VertexId, solver::Recipe> made_;
};

// What of a context or a stage counts by content: the copies of a file operation, the binds of a
// step; by the number of the action, or the mount.
std::vector<std::optional<graph::Copy>> selections_of(const graph::Op& op);

// "exec build 2" of "[build 2/5] RUN make": what a step is, and where it stands, the same in the
// next build; of others the name.
std::string step_place(const graph::Graph& graph, graph::VertexId vertex);

}  // namespace lichen::ops
