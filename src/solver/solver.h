// The solver: which vertices must run, in what order, and which results are already there.
//
//   std::vector<ResultId> trees = TRY(solve(graph, runner, cache, observer, options));
//
// A vertex's result has two keys. The *definition key* is known before anything runs (what lies
// elsewhere is asked for, several at once); the *content
// key* is known once the inputs are there, so that a rebuilt stage with equal bytes does not
// rebuild what copies from it. Either hit is a hit; a result is recorded under both.
//
//   1. from the targets down: a vertex whose definition key hits is done, and its inputs are not
//      looked at;
//   2. what is left runs when its inputs are there, several at once: look up the content key, take
//      the key's lock (single flight across processes), look up again, run once, record.
//
// The solver sees no disk: it asks through OpRunner and CacheIndex, which ops implements, and is
// tested with fakes. Both are called from several threads. The graph is never changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "graph/graph.h"

namespace lichen::solver {

// A finished tree, as the store numbers it. 0: the empty tree (scratch), or a source that has no
// tree of its own (the build context).
using ResultId = std::int64_t;

class OpRunner {
 public:
  OpRunner() = default;
  OpRunner(const OpRunner&) = delete;
  OpRunner& operator=(const OpRunner&) = delete;
  virtual ~OpRunner() = default;

  // Its definition key costs time: a peer is asked what the source is now. Of vertices without
  // inputs.
  virtual bool is_remote(graph::VertexId) const { return false; }
  // All that can change the vertex's result, given its inputs' definition keys.
  virtual Result<Digest> definition_key(graph::VertexId vertex,
                                        const std::vector<Digest>& input_keys) = 0;
  // The same from the inputs' results. nullopt: no better than the definition key.
  virtual Result<std::optional<Digest>> content_key(graph::VertexId vertex,
                                                    const std::vector<ResultId>& inputs) = 0;
  // The same as a cache from elsewhere would have it, where there is one; nullopt: no better.
  virtual Result<std::optional<Digest>> portable_key(graph::VertexId,
                                                     const std::vector<ResultId>&) {
    return std::nullopt;
  }
  virtual Result<ResultId> run(graph::VertexId vertex, const std::vector<ResultId>& inputs) = 0;

  // No record was found: why, in one line. Before run().
  virtual std::string explain(graph::VertexId, const std::vector<ResultId>&) { return {}; }
  // A result stands under this definition key from now on: what explains the next miss is kept.
  virtual void recorded(graph::VertexId, const Digest& /*key*/, const std::vector<ResultId>&) {}
};

class CacheIndex {
 public:
  class Flight {  // ends when destroyed
   public:
    Flight() = default;
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    virtual ~Flight() = default;
  };

  CacheIndex() = default;
  CacheIndex(const CacheIndex&) = delete;
  CacheIndex& operator=(const CacheIndex&) = delete;
  virtual ~CacheIndex() = default;

  virtual Result<std::optional<ResultId>> find(const Digest& key) = 0;
  virtual Result<void> put(const Digest& key, ResultId result) = 0;
  // Only one flight per key at a time, in all processes. Waits.
  virtual Result<std::unique_ptr<Flight>> take_off(const Digest& key) = 0;
};

class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;
  virtual void keyed(graph::VertexId, const Digest& /*definition*/) {}  // before all else
  virtual void started(graph::VertexId vertex) = 0;
  virtual void missed(graph::VertexId, const std::string& /*why*/) {}  // after started()
  // Also for what lies below a hit, and for a remote vertex after started().
  virtual void cached(graph::VertexId vertex) = 0;
  virtual void finished(graph::VertexId vertex, const Error* error) = 0;
};

struct Options {
  unsigned jobs = 4;                             // vertices that run at once
  const std::atomic<bool>* cancelled = nullptr;  // no vertex is started after it is set
  // A vertex failed: what runs beside it is of no use any more. At most once, under no lock.
  std::function<void()> on_failure = {};
};

// The results of graph.results' vertices (0 for scratch). On failure the first error, after every
// running vertex has ended.
Result<std::vector<ResultId>> solve(const graph::Graph& graph, OpRunner& runner, CacheIndex& cache,
                                    Observer& observer, const Options& options);

}  // namespace lichen::solver
