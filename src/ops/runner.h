// Runs the vertices of a graph: the solver's hands.
//
//   Runner runner(graph, services);
//   Cache cache(store, tier);
//   solver::solve(graph, runner, cache, observer, options);
//
// Services are borrowed. One file per vertex kind: image.cc, fetched.cc, file.cc, exec.cc.
// Everything that needs to be root goes to the keeper as a Job. Thread-safe: the solver calls run()
// from several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "graph/ignore.h"
#include "oci/types.h"
#include "ops/imported.h"
#include "ops/job.h"
#include "ops/stat_cache.h"
#include "registry/client.h"
#include "solver/solver.h"
#include "store/store.h"

namespace lichen::ops {

// A blob that moves, or is unpacked.
using OnTransfer = std::function<void(const std::string& what, std::uint64_t bytes,
                                      std::uint64_t total, bool done)>;

struct Services {
  store::Store& store;
  JobClient& jobs;
  registry::Client& registry;
  StatCache& stat_cache;
  container::Tier tier = container::Tier::kIds;
  const std::atomic<bool>* cancelled = nullptr;
  std::string place = {};  // whose steps these are, for `explain`: the Dockerfile
  // The directory of local://name. Called from several threads.
  std::function<Result<std::string>(const std::string& name)> open_context;
  std::map<std::string, std::string> secrets;  // id -> bytes
  std::map<std::string, std::string> agents;   // id -> an ssh agent's socket
  // What a step writes, as it comes; and blobs that move. Called from several threads.
  std::function<void(graph::VertexId, bool is_stderr, const std::string& text)> on_log;
  std::function<void(graph::VertexId, const std::string& what, std::uint64_t bytes,
                     std::uint64_t total, bool done)>
      on_transfer;
  // Of a RUN: the most memory that one of its processes had; and what it left when it failed.
  std::function<void(graph::VertexId, std::uint64_t bytes)> on_peak = {};
  std::function<void(graph::VertexId, std::int64_t snapshot)> on_kept = {};
  ImportedCache* imported = nullptr;  // --cache-from; may be null
  // Fetches a tree of an imported cache. That is of no vertex: whichever needs it first waits.
  std::function<Result<std::int64_t>(
      solver::ResultId tree,
      const std::function<Result<std::int64_t>(const OnTransfer& on_transfer)>& fetch)>
      on_fetch = {};
};

// The directories of a snapshot and all below it, as jobs want them.
struct Stack {
  std::vector<std::string> lower;     // top first; never empty
  std::vector<std::string> sidecars;  // bottom first
};
Result<Stack> stack_of(store::Store& store, solver::ResultId result);

// Ends a snapshot that is not to be: first what fills the disk goes, then its record, which needs
// room to be written. What cannot be removed now is swept by a later session.
void discard_snapshot(store::Store& store, JobClient& jobs, std::int64_t id);

class EmptiedCaches;
class FetchedSources;
class Listing;
class Recipes;
class Trees;
struct SourceDigest;

class Runner final : public solver::OpRunner {
 public:
  Runner(const graph::Graph& graph, Services services);
  ~Runner() override;

  bool is_remote(graph::VertexId vertex) const override;
  Result<Digest> definition_key(graph::VertexId vertex,
                                const std::vector<Digest>& input_keys) override;
  Result<std::optional<Digest>> content_key(graph::VertexId vertex,
                                            const std::vector<solver::ResultId>& inputs) override;
  Result<std::optional<Digest>> portable_key(graph::VertexId vertex,
                                             const std::vector<solver::ResultId>& inputs) override;
  Result<solver::ResultId> run(graph::VertexId vertex,
                               const std::vector<solver::ResultId>& inputs) override;
  std::string explain(graph::VertexId vertex, const std::vector<solver::ResultId>& inputs) override;
  void recorded(graph::VertexId vertex, const Digest& key,
                const std::vector<solver::ResultId>& inputs) override;

  // Of a vertex that fetches a URL or a repository, once its key is known.
  std::optional<SourceDigest> source_digest(graph::VertexId vertex) const;
  // The content key in words that another store understands, too: nullopt when a tree below was
  // never a layer.
  Result<std::optional<Digest>> export_key(graph::VertexId vertex,
                                           const std::vector<solver::ResultId>& inputs);
  // What definition_key() said last; empty if it was not asked.
  Digest known_key(graph::VertexId vertex);
  // The snapshot of a result that may lie elsewhere: fetched and unpacked if it does.
  Result<solver::ResultId> local(graph::VertexId vertex, solver::ResultId result);

 private:
  Result<Digest> make_definition_key(graph::VertexId vertex, const std::vector<Digest>& input_keys);
  template <class Name>
  Result<std::optional<Digest>> content_key_of(const char* kind, graph::VertexId vertex,
                                               const std::vector<solver::ResultId>& inputs,
                                               const Name& name);
  // The tree's chain id, "scratch", or nullopt: not known.
  Result<std::optional<std::string>> portable_name(solver::ResultId result);
  Result<solver::ResultId> run_image(graph::VertexId vertex, const graph::SourceOp& source);
  Result<solver::ResultId> run_exec(graph::VertexId vertex, const graph::ExecOp& exec,
                                    const std::vector<solver::ResultId>& inputs);
  Result<container::RunOutcome> run_command(graph::VertexId vertex, const container::RunJob& job);
  Result<solver::ResultId> run_file(graph::VertexId vertex, const graph::FileOp& file,
                                    const std::vector<solver::ResultId>& inputs);
  Result<void> find_copied(graph::VertexId vertex, solver::ResultId base, std::int64_t id,
                           FileJob& job);
  Result<solver::ResultId> run_merge(graph::VertexId vertex, solver::ResultId base,
                                     solver::ResultId layer);

  Result<RemoteTree> image_layers(const graph::SourceOp& source);
  Result<void> send_blob(const graph::SourceOp& source, const oci::Descriptor& blob, Sink& to);
  // The snapshot of a tree, of which the store may have a part.
  Result<solver::ResultId> pull(graph::VertexId vertex, const RemoteTree& tree,
                                const OnTransfer& on_transfer);
  Result<void> fetch_layer(const RemoteLayer& layer, const OnTransfer& on_transfer);
  Result<solver::ResultId> unpack_layer(graph::VertexId vertex, std::optional<std::int64_t> parent,
                                        const RemoteLayer& layer);
  // Begins a snapshot on `base`, lets `fill` work on it, commits it; abandons it on any failure,
  // but for one that `left` has the sidecar of, for whoever wants to see why.
  Result<solver::ResultId> make_snapshot(
      graph::VertexId vertex, solver::ResultId base,
      const std::function<Result<std::string>(std::int64_t id, const Stack& below)>& fill,
      const std::optional<std::string>* left = nullptr);
  bool keep_failed(graph::VertexId vertex, std::int64_t id, const std::string& sidecar);
  Result<Digest> context_digest(graph::VertexId vertex, const graph::Copy& copy,
                                Listing* listing = nullptr);
  Result<Digest> stack_digest(graph::VertexId vertex, std::size_t selection,
                              solver::ResultId result, const graph::Copy& copy);
  const graph::SourceOp* find_context(graph::VertexId vertex,
                                      std::optional<std::size_t> input) const;
  Result<std::string> context_directory(const graph::SourceOp& source) const;

  const graph::Graph& graph_;
  Services services_;
  std::mutex mutex_;
  // By the number of the action, or the mount.
  std::map<std::pair<graph::VertexId, std::size_t>, Digest> context_digests_, stack_digests_;
  std::map<graph::VertexId, Digest> keys_;
  std::unique_ptr<EmptiedCaches> emptied_;
  std::unique_ptr<FetchedSources> fetched_;
  std::unique_ptr<Recipes> recipes_;
  std::unique_ptr<Trees> trees_;
  std::map<std::string, std::unique_ptr<graph::Ignore>> ignores_;  // by pattern list
};

// The solver's view of the store's cache records, for one tier.
class Cache final : public solver::CacheIndex {
 public:
  Cache(store::Store& store, container::Tier tier, ImportedCache* imported = nullptr)
      : store_(store), tier_(tier), imported_(imported) {}
  Result<std::optional<solver::ResultId>> find(const Digest& key) override;
  Result<void> put(const Digest& key, solver::ResultId result) override;
  Result<std::unique_ptr<Flight>> take_off(const Digest& key) override;

 private:
  store::Store& store_;
  container::Tier tier_;
  ImportedCache* imported_;
};

// How a step ended, in the words that people grep for; nullopt: well.
std::optional<Error> step_error(const graph::ExecOp& exec, const container::RunOutcome& outcome);

}  // namespace lichen::ops
