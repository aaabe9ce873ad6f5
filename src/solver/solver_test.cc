#include "solver/solver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace lichen::solver {
namespace {

using graph::ExecOp;
using graph::GraphBuilder;
using graph::SourceOp;
using graph::VertexId;

class FakeCache final : public CacheIndex {
 public:
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
  std::map<Digest, ResultId> records_;
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
    if (const auto* source = std::get_if<SourceOp>(&graph_.vertices[vertex].op))
      return source->identifier;
    return std::get<ExecOp>(graph_.vertices[vertex].op).args[0];
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

// base -> a -> c, base2 -> b -> c
graph::Graph diamond(const std::string& base) {
  GraphBuilder builder;
  const VertexId one = builder.add({.op = SourceOp{.identifier = base}});
  const VertexId two = builder.add({.op = SourceOp{.identifier = "two"}});
  const VertexId a = builder.add({.inputs = {{one, 0}}, .op = ExecOp{.args = {"a"}}});
  const VertexId b = builder.add({.inputs = {{two, 0}}, .op = ExecOp{.args = {"b"}}});
  const VertexId c = builder.add({.inputs = {{a, 0}, {b, 0}}, .op = ExecOp{.args = {"c"}}});
  return std::move(builder).finish(graph::Input{c, 0});
}

TEST(Solve, RunsEachVertexOnceAndNothingTheSecondTime) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  {
    FakeRunner runner(graph);
    FakeObserver observer;
    ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
    EXPECT_EQ(runner.ran, (std::set<std::string>{"one", "two", "a", "b", "c"}));
    EXPECT_TRUE(observer.hits.empty());
  }
  FakeRunner runner(graph);
  FakeObserver observer;
  ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  EXPECT_TRUE(runner.ran.empty());
  EXPECT_EQ(observer.hits.size(), graph.vertices.size());
}

TEST(Solve, WhatACacheFromElsewhereHasIsNotRun) {
  graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner runner(graph);
  FakeObserver observer;
  runner.portable = {{"a", sha256("a")}, {"b", sha256("b")}, {"c", sha256("c")}};
  // Of a result below 0 there is no tree yet.
  ASSERT_TRUE(cache.put(sha256("c"), -7));
  auto results = solve(graph, runner, cache, observer, {});
  ASSERT_TRUE(results);
  EXPECT_EQ(*results, std::vector<ResultId>{-7});
  EXPECT_EQ(runner.ran, (std::set<std::string>{"one", "two", "a", "b"}));
  EXPECT_EQ(observer.hits, std::set<VertexId>{4});
  // It is known by its definition key from now on.
  runner.ran.clear();
  ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  EXPECT_TRUE(runner.ran.empty());
  // Who ignores the cache ignores this one, too.
  graph.metadata[4].ignore_cache = true;
  FakeRunner again(graph);
  again.portable = runner.portable;
  ASSERT_TRUE(solve(graph, again, cache, observer, {}));
  EXPECT_EQ(again.ran, std::set<std::string>{"c"});
}

TEST(Solve, SeveralTargetsShareWhatTheyHaveInCommon) {
  std::vector<graph::Graph> graphs;
  graphs.push_back(diamond("one"));
  graphs.push_back(diamond("uno"));
  graphs.push_back(GraphBuilder().finish(std::nullopt));
  const graph::Graph graph = graph::merge(std::move(graphs));
  FakeCache cache;
  FakeRunner runner(graph);
  FakeObserver observer;
  const auto results = solve(graph, runner, cache, observer, {});
  ASSERT_TRUE(results);
  ASSERT_EQ(results->size(), 3u);
  EXPECT_NE(results->at(0), results->at(1));
  EXPECT_EQ(results->at(2), 0);
  EXPECT_EQ(runner.ran, (std::set<std::string>{"one", "uno", "two", "a", "b", "c"}));
  EXPECT_EQ(graph.vertices.size(), 8u);
}

TEST(Solve, EqualResultsOfAChangedInputHitByContent) {
  FakeCache cache;
  {
    const graph::Graph graph = diamond("one");
    FakeRunner runner(graph);
    runner.same["one"] = 7;
    FakeObserver observer;
    ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  }
  const graph::Graph graph = diamond("one, rebuilt");
  FakeRunner runner(graph);
  runner.same["one, rebuilt"] = 7;
  FakeObserver observer;
  ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  EXPECT_EQ(runner.ran, std::set<std::string>{"one, rebuilt"});
}

TEST(Solve, ExplainsWhatRunsAndNotesWhatHasAResult) {
  FakeCache cache;
  const graph::Graph graph = diamond("one"), rebuilt = diamond("one, rebuilt");
  {
    FakeRunner runner(graph);
    runner.same["one"] = 7;
    runner.failing = {"b"};
    FakeObserver observer;
    ASSERT_FALSE(solve(graph, runner, cache, observer, {.jobs = 1}));
    EXPECT_TRUE(observer.reasons.contains("why b"));
    EXPECT_TRUE(runner.noted.contains("one"));
    EXPECT_FALSE(runner.noted.contains("b"));
    runner.failing.clear();
    ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  }
  {
    FakeRunner runner(graph);
    FakeObserver observer;
    ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
    EXPECT_TRUE(observer.reasons.empty());
    EXPECT_TRUE(runner.noted.empty());
  }
  // A hit by content is none to explain; its new definition is noted.
  FakeRunner runner(rebuilt);
  runner.same["one, rebuilt"] = 7;
  FakeObserver observer;
  ASSERT_TRUE(solve(rebuilt, runner, cache, observer, {}));
  EXPECT_EQ(observer.reasons, std::set<std::string>{"why one, rebuilt"});
  EXPECT_EQ(runner.noted.size(), 3u);
}

TEST(Solve, AFailureStopsItsUsersAndIsReported) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner runner(graph);
  runner.failing = {"a"};
  FakeObserver observer;
  const auto result = solve(graph, runner, cache, observer, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "a failed");
  EXPECT_EQ(runner.ran.count("c"), 0u);
}

TEST(Solve, IgnoreCacheRunsAgain) {
  graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner first(graph);
  FakeObserver observer;
  ASSERT_TRUE(solve(graph, first, cache, observer, {}));
  for (auto& metadata : graph.metadata) metadata.ignore_cache = true;
  FakeRunner second(graph);
  ASSERT_TRUE(solve(graph, second, cache, observer, {}));
  EXPECT_EQ(second.ran.size(), 5u);
}

// Its user then hits by content.
TEST(Solve, AStepThatIgnoresTheCacheRunsBeneathWhatIsCached) {
  graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner first(graph);
  FakeObserver observer;
  ASSERT_TRUE(solve(graph, first, cache, observer, {}));
  graph.metadata[2].ignore_cache = true;
  FakeRunner second(graph);
  ASSERT_TRUE(solve(graph, second, cache, observer, {}));
  EXPECT_EQ(second.ran, (std::set<std::string>{"a"}));
}

TEST(Solve, AsksForRemoteSourcesAtOnce) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  {
    FakeRunner runner(graph);
    runner.remote = {"one", "two"};
    FakeObserver observer;
    const auto result = solve(graph, runner, cache, observer, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(observer.begun, (std::multiset<VertexId>{0, 1, 2, 3, 4}));
    EXPECT_EQ(runner.ran.size(), 5u);
  }
  FakeRunner runner(graph);
  runner.remote = {"one", "two"};
  FakeObserver observer;
  ASSERT_TRUE(solve(graph, runner, cache, observer, {}));
  EXPECT_EQ(observer.begun, (std::multiset<VertexId>{0, 1}));
  EXPECT_EQ(observer.hits.size(), graph.vertices.size());
  EXPECT_TRUE(runner.ran.empty());

  FakeRunner gone(graph);
  gone.remote = {"one", "two"};
  gone.failing = {"two"};
  EXPECT_EQ(solve(graph, gone, cache, observer, {}).error().code, Errc::kNotFound);
}

TEST(Solve, CancelledStartsNothing) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner runner(graph);
  FakeObserver observer;
  const std::atomic<bool> cancelled = true;
  const auto result = solve(graph, runner, cache, observer, {.cancelled = &cancelled});
  EXPECT_EQ(result.error().code, Errc::kCancelled);
  EXPECT_TRUE(runner.ran.empty());
}

TEST(Solve, TwoSolvesShareOneFlight) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeRunner first(graph), second(graph);
  FakeObserver observer;
  {
    std::jthread other([&] { EXPECT_TRUE(solve(graph, first, cache, observer, {})); });
    EXPECT_TRUE(solve(graph, second, cache, observer, {}));
  }
  EXPECT_EQ(first.ran.size() + second.ran.size(), 5u);
}

}  // namespace
}  // namespace lichen::solver
