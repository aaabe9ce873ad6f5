#include "solver/solver.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace lichen::solver {

namespace {

using graph::VertexId;

enum class State { kUnneeded, kWaiting, kRunning, kDone };

class Solve {
 public:
  Solve(const graph::Graph& graph, OpRunner& runner, CacheIndex& cache, Observer& observer,
        const Options& options)
      : graph_(graph),
        runner_(runner),
        cache_(cache),
        observer_(observer),
        options_(options),
        keys_(graph.vertices.size()),
        started_(graph.vertices.size(), 0),
        renewed_(graph.vertices.size(), 0),
        states_(graph.vertices.size(), State::kUnneeded),
        results_(graph.vertices.size(), 0) {}

  Result<std::vector<ResultId>> operator()() {
    TRY(compute_keys());
    for (VertexId id = 0; id < keys_.size(); ++id) observer_.keyed(id, keys_[id]);
    mark_renewed();
    TRY(mark_needed());
    run_needed();
    if (error_) return fail(std::move(*error_));
    std::vector<ResultId> results;
    for (const auto& target : graph_.results)
      results.push_back(target ? results_[target->vertex] : 0);
    return results;
  }

 private:
  void run_threads(const std::function<void()>& work) const {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, options_.jobs) && i < graph_.vertices.size(); ++i)
      threads.emplace_back(work);
  }

  // What a slow server says must not wait for another one.
  Result<void> compute_remote_keys() {
    std::vector<VertexId> remote;
    for (VertexId id = 0; id < graph_.vertices.size(); ++id)
      if (runner_.is_remote(id)) remote.push_back(id);
    if (remote.empty()) return {};
    std::size_t next = 0;  // under mutex_
    run_threads([&] {
      for (;;) {
        std::unique_lock lock(mutex_);
        if (next == remote.size() || error_ || is_cancelled()) return;
        const VertexId id = remote[next++];
        lock.unlock();
        started_[id] = 1;
        observer_.started(id);
        auto key = runner_.definition_key(id, {});
        if (!key) observer_.finished(id, &key.error());
        lock.lock();
        if (key)
          keys_[id] = std::move(*key);
        else if (!error_ || error_->code == Errc::kCancelled)
          error_ = std::move(key).error();
      }
    });
    if (error_) return fail(std::move(*error_));
    if (is_cancelled()) return fail(Errc::kCancelled, "cancelled");
    return {};
  }

  // Vertices are in topological order, so the inputs' keys are there.
  Result<void> compute_keys() {
    TRY(compute_remote_keys());
    for (VertexId id = 0; id < graph_.vertices.size(); ++id) {
      if (started_[id] != 0) continue;
      std::vector<Digest> inputs;
      for (const graph::Input& input : graph_.vertices[id].inputs)
        inputs.push_back(keys_[input.vertex]);
      auto key = runner_.definition_key(id, inputs);
      if (!key) {
        observer_.started(id);
        observer_.finished(id, &key.error());
        return fail(std::move(key).error());
      }
      keys_[id] = std::move(*key);
    }
    return {};
  }

  // What stands on a step that runs again is not what it was, though its key is.
  void mark_renewed() {
    for (VertexId id = 0; id < graph_.vertices.size(); ++id) {
      renewed_[id] = graph_.metadata[id].ignore_cache ? 1 : 0;
      for (const graph::Input& input : graph_.vertices[id].inputs)
        if (renewed_[input.vertex] != 0) renewed_[id] = 1;
    }
  }

  // From the targets down, in reverse topological order: users before their inputs.
  Result<void> mark_needed() {
    std::vector<char> wanted(graph_.vertices.size(), 0), below_hit(graph_.vertices.size(), 0);
    for (const auto& target : graph_.results)
      if (target) wanted[target->vertex] = 1;
    for (VertexId id = graph_.vertices.size(); id-- > 0;) {
      if (!wanted[id]) continue;
      if (renewed_[id] == 0) {
        if (const auto hit = TRY(cache_.find(keys_[id]))) {
          results_[id] = *hit;
          states_[id] = State::kDone;
          below_hit[id] = 1;
          continue;
        }
      }
      states_[id] = State::kWaiting;
      for (const graph::Input& input : graph_.vertices[id].inputs) wanted[input.vertex] = 1;
    }
    // People want to read CACHED for every step that did not run, not only for the one that was
    // hit.
    for (VertexId id = graph_.vertices.size(); id-- > 0;)
      if (below_hit[id])
        for (const graph::Input& input : graph_.vertices[id].inputs) below_hit[input.vertex] = 1;
    for (VertexId id = 0; id < graph_.vertices.size(); ++id)
      if (below_hit[id] && states_[id] != State::kWaiting) observer_.cached(id);
    return {};
  }

  void run_needed() {
    run_threads([this] { work(); });
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      std::optional<VertexId> next;
      changed_.wait(lock, [&] { return stopped() || idle() || (next = find_ready()).has_value(); });
      if (!next) return;
      states_[*next] = State::kRunning;
      ++running_;
      lock.unlock();
      Result<ResultId> result = finish(*next);
      if (!result && result.error().code != Errc::kCancelled && options_.on_failure &&
          !told_.exchange(true))
        options_.on_failure();
      lock.lock();
      --running_;
      if (result) {
        results_[*next] = *result;
        states_[*next] = State::kDone;
      } else if (!error_ || error_->code == Errc::kCancelled) {
        error_ = std::move(result).error();
      }
      changed_.notify_all();
    }
  }

  bool stopped() {
    if (!error_ && is_cancelled() && any_waiting())
      error_ = Error{.code = Errc::kCancelled, .message = "cancelled"};
    return error_.has_value();
  }
  bool is_cancelled() const { return options_.cancelled != nullptr && options_.cancelled->load(); }
  bool any_waiting() const {
    for (const State state : states_)
      if (state == State::kWaiting) return true;
    return false;
  }
  bool idle() const { return running_ == 0 && !any_waiting(); }

  std::optional<VertexId> find_ready() const {
    for (VertexId id = 0; id < states_.size(); ++id) {
      if (states_[id] != State::kWaiting) continue;
      bool ready = true;
      for (const graph::Input& input : graph_.vertices[id].inputs)
        ready = ready && states_[input.vertex] == State::kDone;
      if (ready) return id;
    }
    return std::nullopt;
  }

  Result<std::optional<ResultId>> find_portable(VertexId id, const std::vector<ResultId>& inputs) {
    if (graph_.metadata[id].ignore_cache) return std::nullopt;
    const auto key = TRY(runner_.portable_key(id, inputs));
    return key ? cache_.find(*key) : Result<std::optional<ResultId>>(std::nullopt);
  }

  // One vertex whose inputs are done. Not under the mutex; results_ of the inputs no longer change.
  Result<ResultId> finish(VertexId id) {
    std::vector<ResultId> inputs;
    for (const graph::Input& input : graph_.vertices[id].inputs)
      inputs.push_back(results_[input.vertex]);
    if (auto imported = find_portable(id, inputs); !imported || *imported) {
      if (!imported) {
        observer_.started(id);
        observer_.finished(id, &imported.error());
        return fail(std::move(imported).error());
      }
      TRY(cache_.put(keys_[id], **imported));
      observer_.cached(id);
      return **imported;
    }
    const auto content = runner_.content_key(id, inputs);
    if (!content) {
      observer_.started(id);
      observer_.finished(id, &content.error());
      return fail(content.error());
    }
    const auto flight = TRY(cache_.take_off(content->value_or(keys_[id])));
    // A key of contents is good even then.
    if (renewed_[id] == 0 || (*content && !graph_.metadata[id].ignore_cache)) {
      auto hit = TRY(cache_.find(content->value_or(keys_[id])));
      if (hit) {
        TRY(cache_.put(keys_[id], *hit));
        runner_.recorded(id, keys_[id], inputs);
        observer_.cached(id);
        return *hit;
      }
    }
    if (started_[id] == 0) observer_.started(id);
    const std::string why = explain(id, inputs);
    if (!why.empty()) observer_.missed(id, why);
    auto result = runner_.run(id, inputs);
    if (result) {
      auto recorded = cache_.put(keys_[id], *result);
      if (recorded && *content) recorded = cache_.put(**content, *result);
      if (!recorded) result = fail(std::move(recorded).error());
    }
    if (result) runner_.recorded(id, keys_[id], inputs);
    observer_.finished(id, result ? nullptr : &result.error());
    return result;
  }

  std::string explain(VertexId id, const std::vector<ResultId>& inputs) {
    if (graph_.metadata[id].ignore_cache) return "the cache is not asked (--no-cache)";
    return runner_.explain(id, inputs);
  }

  const graph::Graph& graph_;
  OpRunner& runner_;
  CacheIndex& cache_;
  Observer& observer_;
  const Options& options_;
  std::vector<Digest> keys_;
  std::vector<char> started_;       // remote vertices, whose keys were asked for
  std::vector<char> renewed_;       // it or something below it ignores the cache
  std::atomic<bool> told_ = false;  // on_failure was called

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<State> states_;
  std::vector<ResultId> results_;
  std::optional<Error> error_;
  unsigned running_ = 0;
};

}  // namespace

Result<std::vector<ResultId>> solve(const graph::Graph& graph, OpRunner& runner, CacheIndex& cache,
                                    Observer& observer, const Options& options) {
  return Solve(graph, runner, cache, observer, options)();
}

}  // namespace lichen::solver
