// What the solver itself takes: graphs of 10,000 steps that do nothing, over a cache in memory.
// Prints vertices solved a second (medians of ROUNDS, 5) and how many steps ran when
//
//   nothing  is cached: all run;
//   all      is cached: what is seen from the target ends it;
//   cut-off  the first step is edited and gives the same bytes: the rest hits by content.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "median.h"
#include "solver/testing.h"

namespace {

using namespace lichen;
using graph::VertexId;

constexpr std::size_t kVertices = 10'000;

// The first step, steps on top of it, and one that takes all that no other takes.
template <class InputsOf>
graph::Graph make_graph(const std::string& first, InputsOf inputs_of) {
  graph::GraphBuilder builder;
  std::vector<char> used(kVertices, 0);
  std::vector<graph::Input> all;
  for (VertexId id = 0; id + 1 < kVertices; ++id) {
    graph::Vertex vertex{.op = graph::ExecOp{.args = {id == 0 ? first : std::to_string(id)}}};
    if (id > 0)
      for (const VertexId input : inputs_of(id)) vertex.inputs.push_back({input, 0});
    for (const graph::Input& input : vertex.inputs) used[input.vertex] = 1;
    builder.add(std::move(vertex));
  }
  for (VertexId id = 0; id + 1 < kVertices; ++id)
    if (used[id] == 0) all.push_back({id, 0});
  const VertexId last = builder.add({.inputs = all, .op = graph::ExecOp{.args = {"last"}}});
  return std::move(builder).finish(graph::Input{last, 0});
}

// How many steps ran.
std::size_t solve(const graph::Graph& graph, solver::FakeCache& cache, unsigned jobs) {
  solver::FakeRunner runner(graph);
  solver::FakeObserver observer;
  if (!solver::solve(graph, runner, cache, observer, {.jobs = jobs})) std::exit(1);
  return runner.ran.size();
}

template <class InputsOf>
void measure(const char* name, InputsOf inputs_of) {
  const graph::Graph graph = make_graph("first", inputs_of);
  const graph::Graph edited = make_graph("first, edited", inputs_of);
  for (const unsigned jobs : {1, 4}) {
    std::vector<double> seconds[3];
    std::size_t ran[3] = {};
    for (int round = 0; round < rounds(); ++round) {
      solver::FakeCache cache;
      seconds[0].push_back(seconds_of([&] { ran[0] = solve(graph, cache, jobs); }));
      seconds[1].push_back(seconds_of([&] { ran[1] = solve(graph, cache, jobs); }));
      seconds[2].push_back(seconds_of([&] { ran[2] = solve(edited, cache, jobs); }));
    }
    const char* cached[] = {"nothing", "all", "cut-off"};
    for (int n = 0; n < 3; ++n) {
      const double taken = median(seconds[n]);
      std::printf("solve %-7s jobs %u  %-8s %6zu ran  %8.1f ms  %10.0f vertices/s\n", name, jobs,
                  cached[n], ran[n], taken * 1e3, kVertices / taken);
    }
  }
}

}  // namespace

int main() {
  measure("chain", [](VertexId id) { return std::vector<VertexId>{id - 1}; });
  measure("fan", [](VertexId) { return std::vector<VertexId>{0}; });
  measure("random", [](VertexId id) {
    std::mt19937 random(static_cast<unsigned>(id));  // both graphs get the same edges
    std::vector<VertexId> inputs;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) inputs.push_back(random() % id);
    return inputs;
  });
  return 0;
}
