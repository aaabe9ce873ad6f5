// Fakes of what the solver asks through: a cache in memory, steps that do nothing but say who ran.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "solver/solver.h"

namespace lichen::solver {

using graph::VertexId;

class FakeCache final : public CacheIndex {
 public:
  using Records = std::map<Digest, ResultId>;
  FakeCache() = default;
  explicit FakeCache(Records records) : records_(std::move(records)) {}
  const Records& records() const { return records_; }  // when nobody uses it

  class Held final : public Flight {
   public:
    explicit Held(std::mutex& mutex) : lock_(mutex) {}

   private:
    std::unique_lock<std::mutex> lock_;
  };
  Result<std::optional<ResultId>> find(const Digest& key) override {
    std::lock_guard lock(mutex_);
    const auto found = records_.find(key);
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  Result<void> put(const Digest& key, ResultId result) override {
    std::lock_guard lock(mutex_);
    records_[key] = result;
    return {};
  }
  Result<std::unique_ptr<Flight>> take_off(const Digest& key) override {
    std::unique_lock lock(mutex_);
    std::mutex& flight = flights_[key];
    lock.unlock();
    return std::make_unique<Held>(flight);
  }

 private:
  std::mutex mutex_;
  Records records_;
  std::map<Digest, std::mutex> flights_;
};

// Vertices give results by the text of their op; `same` makes two texts give one result.
class FakeRunner final : public OpRunner {
 public:
  explicit FakeRunner(const graph::Graph& graph) : graph_(graph) {}

  bool is_remote(VertexId vertex) const override { return remote.count(text(vertex)) != 0; }
  Result<Digest> definition_key(VertexId vertex, const std::vector<Digest>& inputs) override {
    if (is_remote(vertex)) {
      std::unique_lock lock(mutex);
      asked.insert(text(vertex));
      all_asked.notify_all();
      // The server that answers last waits until the others were asked.
      if (!all_asked.wait_for(lock, std::chrono::seconds(20), [&] { return asked == remote; }))
        return fail(Errc::kUnavailable, "one after the other");
      if (failing.count(text(vertex)) > 0) return fail(Errc::kNotFound, text(vertex) + " is gone");
    }
    Hasher hasher;
    hasher.field(text(vertex));
    for (const Digest& input : inputs) hasher.field(input.text());
    return hasher.finish();
  }
  Result<std::optional<Digest>> content_key(VertexId vertex,
                                            const std::vector<ResultId>& inputs) override {
    if (inputs.empty()) return std::nullopt;
    Hasher hasher;
    hasher.field("content").field(graph::canonical(graph_.vertices[vertex].op));
    for (const ResultId input : inputs) hasher.field(std::to_string(input));
    return hasher.finish();
  }
  Result<std::optional<Digest>> portable_key(VertexId vertex,
                                             const std::vector<ResultId>&) override {
    const auto known = portable.find(text(vertex));
    return known == portable.end() ? std::nullopt : std::optional(known->second);
  }
  Result<ResultId> run(VertexId vertex, const std::vector<ResultId>&) override {
    std::lock_guard lock(mutex);
    ran.insert(text(vertex));
    if (failing.count(text(vertex)) > 0) return fail(Errc::kFailed, text(vertex) + " failed");
    const auto fixed = same.find(text(vertex));
    return fixed != same.end() ? fixed->second : static_cast<ResultId>(100 + vertex);
  }
  std::string explain(VertexId vertex, const std::vector<ResultId>&) override {
    return "why " + text(vertex);
  }
  void recorded(VertexId vertex, const Digest& key, const std::vector<ResultId>&) override {
    std::lock_guard lock(mutex);
    noted.emplace(text(vertex), key);
  }
  std::string text(VertexId vertex) const {
    if (const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[vertex].op))
      return source->identifier;
    return std::get<graph::ExecOp>(graph_.vertices[vertex].op).args[0];
  }

  std::mutex mutex;
  std::condition_variable all_asked;
  std::set<std::string> ran, failing, remote, asked;
  std::map<std::string, ResultId> same;
  std::map<std::string, Digest> noted;
  std::map<std::string, Digest> portable;

 private:
  const graph::Graph& graph_;
};

class FakeObserver final : public Observer {
 public:
  void started(VertexId vertex) override {
    std::lock_guard lock(mutex);
    begun.insert(vertex);
  }
  void cached(VertexId vertex) override {
    std::lock_guard lock(mutex);
    hits.insert(vertex);
  }
  void missed(VertexId, const std::string& why) override {
    std::lock_guard lock(mutex);
    reasons.insert(why);
  }
  void finished(VertexId, const Error*) override {}
  std::mutex mutex;
  std::set<std::string> reasons;
  std::set<VertexId> hits;
  std::multiset<VertexId> begun;
};

}  // namespace lichen::solver
