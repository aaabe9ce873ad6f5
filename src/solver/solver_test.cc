#include "solver/solver.h"

#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

#include "solver/testing.h"

namespace lichen::solver {
namespace {

using graph::ExecOp;
using graph::GraphBuilder;
using graph::SourceOp;

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

// "a" runs until somebody says that it is of no use any more.
class Patient final : public OpRunner {
 public:
  explicit Patient(const graph::Graph& graph) : fake_(graph) { fake_.failing = {"b"}; }
  Result<Digest> definition_key(VertexId vertex, const std::vector<Digest>& inputs) override {
    return fake_.definition_key(vertex, inputs);
  }
  Result<std::optional<Digest>> content_key(VertexId vertex,
                                            const std::vector<ResultId>& inputs) override {
    return fake_.content_key(vertex, inputs);
  }
  Result<ResultId> run(VertexId vertex, const std::vector<ResultId>& inputs) override {
    if (fake_.text(vertex) == "a") {
      begun.count_down();
      given_up.wait();
      return fail(Errc::kCancelled, "cancelled");
    }
    if (fake_.text(vertex) == "b") begun.wait();
    return fake_.run(vertex, inputs);
  }
  std::latch begun{1}, given_up{1};

 private:
  FakeRunner fake_;
};

TEST(Solve, AFailureIsToldToWhatRunsBeside) {
  const graph::Graph graph = diamond("one");
  FakeCache cache;
  FakeObserver observer;
  Patient runner(graph);
  const auto result =
      solve(graph, runner, cache, observer, {.on_failure = [&] { runner.given_up.count_down(); }});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "b failed");
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
