// Random graphs, solved by threads and by a reference that is one plain recursion: both must run
// the same keys, come to the same results and leave the same cache. Each graph is edited and
// solved again over what was left of its cache, several times. LICHEN_TEST_GRAPHS (60) says how
// many, LICHEN_TEST_SEED (1) where to begin; `make soak` does 5000.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "solver/testing.h"

namespace lichen::solver {
namespace {

using graph::ExecOp;
using Records = FakeCache::Records;
using Inputs = std::vector<ResultId>;

// What steps are, by their text. Results are few, so that different steps often give equal bytes.
class Steps {
 public:
  explicit Steps(const graph::Graph& graph) : graph_(graph) {}

  const std::string& text(VertexId id) const {
    return std::get<ExecOp>(graph_.vertices[id].op).args[0];
  }
  // Of these, equal ones meet while they run.
  bool is_slow(VertexId id) const { return number(id) % 4 == 1; }
  bool fails(VertexId id) const { return text(id).rfind("bad", 0) == 0; }
  Digest definition(VertexId id, const std::vector<Digest>& inputs) const {
    Hasher hasher;
    hasher.field("definition").field(text(id));
    for (const Digest& input : inputs) hasher.field(input.text());
    return hasher.finish();
  }
  std::optional<Digest> content(VertexId id, const Inputs& inputs) const {
    if (inputs.empty() || number(id) % 4 == 0) return std::nullopt;
    return of_results("content", id, inputs);
  }
  std::optional<Digest> portable(VertexId id, const Inputs& inputs) const {
    if (number(id) % 5 == 0) return std::nullopt;
    return of_results("portable", id, inputs);
  }
  ResultId result(VertexId id, const Inputs& inputs) const {
    const std::string hex = of_results("result", id, inputs).hex();
    return 1 + static_cast<ResultId>(std::stoul(hex.substr(0, 6), nullptr, 16) % 6);
  }

 private:
  Digest of_results(std::string_view kind, VertexId id, const Inputs& inputs) const {
    Hasher hasher;
    hasher.field(kind).field(text(id));
    for (const ResultId input : inputs) hasher.field(std::to_string(input));
    return hasher.finish();
  }
  unsigned long number(VertexId id) const {
    return std::stoul(sha256(text(id)).hex().substr(0, 6), nullptr, 16);
  }

  const graph::Graph& graph_;
};

struct Outcome {
  std::vector<ResultId> results;  // of the targets; none where one fails
  std::multiset<Digest> ran;      // the keys that two equal steps would share
  Records cache;
};

class Reference {
 public:
  Reference(const graph::Graph& graph, const Records& cache) : graph_(graph), steps_(graph) {
    outcome_.cache = cache;
  }

  Outcome operator()() {
    bool failed = false;
    for (const auto& target : graph_.results) {
      const auto result = solve(target->vertex);
      failed = failed || !result;
      outcome_.results.push_back(result.value_or(0));
    }
    if (failed) outcome_.results.clear();
    return outcome_;
  }

 private:
  template <class Value, class Find>
  static Value once(std::map<VertexId, Value>& known, VertexId id, Find find) {
    const auto found = known.find(id);
    return found != known.end() ? found->second : known.emplace(id, find()).first->second;
  }

  Digest key(VertexId id) {
    return once(keys_, id, [&] {
      std::vector<Digest> inputs;
      for (const auto& input : graph_.vertices[id].inputs) inputs.push_back(key(input.vertex));
      return steps_.definition(id, inputs);
    });
  }
  bool renewed(VertexId id) {
    return once(renewed_, id, [&] {
      bool any = graph_.metadata[id].ignore_cache;
      for (const auto& input : graph_.vertices[id].inputs) any = renewed(input.vertex) || any;
      return any;
    });
  }
  // nullopt: it or something that it needs fails.
  std::optional<ResultId> solve(VertexId id) {
    return once(results_, id, [&] { return look_up_or_run(id); });
  }
  std::optional<ResultId> look_up_or_run(VertexId id) {
    if (!renewed(id))
      if (const auto hit = find(key(id))) return hit;
    Inputs inputs;
    bool failed = false;
    for (const auto& input : graph_.vertices[id].inputs) {
      const auto result = solve(input.vertex);
      failed = failed || !result;
      inputs.push_back(result.value_or(0));
    }
    if (failed) return std::nullopt;
    const std::optional<Digest> content = steps_.content(id, inputs);
    if (!graph_.metadata[id].ignore_cache) {
      for (const auto& other : {steps_.portable(id, inputs), content}) {
        if (!other) continue;
        if (const auto hit = find(*other)) return outcome_.cache[key(id)] = *hit;
      }
    }
    outcome_.ran.insert(content.value_or(key(id)));
    if (steps_.fails(id)) return std::nullopt;
    const ResultId result = steps_.result(id, inputs);
    if (content) outcome_.cache[*content] = result;
    return outcome_.cache[key(id)] = result;
  }
  std::optional<ResultId> find(const Digest& wanted) const {
    const auto found = outcome_.cache.find(wanted);
    return found == outcome_.cache.end() ? std::nullopt : std::optional(found->second);
  }

  const graph::Graph& graph_;
  Steps steps_;
  Outcome outcome_;
  std::map<VertexId, Digest> keys_;
  std::map<VertexId, bool> renewed_;
  std::map<VertexId, std::optional<ResultId>> results_;
};

class Runner final : public OpRunner {
 public:
  explicit Runner(const graph::Graph& graph) : steps_(graph), keys_(graph.vertices.size()) {}

  Result<Digest> definition_key(VertexId id, const std::vector<Digest>& inputs) override {
    return keys_[id] = steps_.definition(id, inputs);
  }
  Result<std::optional<Digest>> content_key(VertexId id, const Inputs& inputs) override {
    return steps_.content(id, inputs);
  }
  Result<std::optional<Digest>> portable_key(VertexId id, const Inputs& inputs) override {
    const auto key = steps_.portable(id, inputs);
    std::lock_guard lock(mutex);
    if (key) asked.insert(*key);
    return key;
  }
  Result<ResultId> run(VertexId id, const Inputs& inputs) override {
    {
      std::lock_guard lock(mutex);
      ran.insert(steps_.content(id, inputs).value_or(keys_[id]));
      vertices.insert(id);
    }
    if (steps_.is_slow(id)) std::this_thread::yield();
    if (steps_.fails(id)) return fail(Errc::kFailed, steps_.text(id));
    return steps_.result(id, inputs);
  }

  std::mutex mutex;
  std::multiset<Digest> ran;
  std::set<VertexId> vertices;
  std::set<Digest> asked;  // keys that a cache from elsewhere might have

 private:
  Steps steps_;
  std::vector<Digest> keys_;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed), rows_(1 + pick(40)) {
    for (std::size_t n = 0; n < rows_.size(); ++n) {
      change(rows_[n]);
      for (unsigned inputs = n == 0 ? 0 : pick(4); inputs > 0; --inputs)
        rows_[n].inputs.push_back(one_in(3) ? n - 1 : pick(n));
    }
  }

  void edit() {
    for (Row& row : rows_)
      if (one_in(8)) change(row);
  }
  // Steps that ignore the cache have no equal: of two, it would be chance which one runs.
  graph::Graph graph() {
    graph::GraphBuilder builder;
    std::vector<VertexId> ids;
    std::vector<char> used(rows_.size(), 0);
    for (std::size_t n = 0; n < rows_.size(); ++n) {
      std::vector<graph::Input> inputs;
      for (const std::size_t input : rows_[n].inputs) {
        inputs.push_back({ids[input], 0});
        used[input] = 1;
      }
      const std::string text = rows_[n].text + (rows_[n].ignores ? std::to_string(n) : "");
      ids.push_back(builder.add({.inputs = inputs, .op = ExecOp{.args = {text}}},
                                {.ignore_cache = rows_[n].ignores}));
    }
    std::vector<std::optional<graph::Input>> targets;
    for (std::size_t n = 0; n < rows_.size(); ++n)
      if (used[n] == 0 || one_in(20)) targets.emplace_back(graph::Input{ids[n], 0});
    return std::move(builder).finish(std::move(targets));
  }
  // Some records are lost, some hold what another run gave, some came from elsewhere.
  void age(Records& cache, const std::set<Digest>& elsewhere) {
    const unsigned lost = 2 + pick(4);
    for (auto record = cache.begin(); record != cache.end();)
      record = one_in(lost) ? cache.erase(record) : std::next(record);
    for (auto& [key, result] : cache)
      if (one_in(20)) result = 1 + static_cast<ResultId>(pick(6));
    for (const Digest& key : elsewhere)
      if (one_in(20)) cache[key] = -static_cast<ResultId>(pick(6));
  }

 private:
  struct Row {
    std::string text;
    std::vector<std::size_t> inputs;
    bool ignores = false;
  };
  void change(Row& row) {
    row.text = (one_in(150) ? "bad" : "") + std::string(1, static_cast<char>('a' + pick(12)));
    row.ignores = one_in(25);
  }
  std::size_t pick(std::size_t below) { return random_() % below; }
  bool one_in(std::size_t n) { return pick(n) == 0; }

  std::mt19937 random_;
  std::vector<Row> rows_;
};

bool holds(const Records& records, const Digest& key, ResultId result) {
  const auto found = records.find(key);
  return found != records.end() && found->second == result;
}

// Solves as the reference does. What was asked of a cache from elsewhere goes to `elsewhere`.
void agrees(const graph::Graph& graph, const Records& before, unsigned jobs, Records& after,
            std::set<Digest>& elsewhere) {
  const Outcome wanted = Reference(graph, before)();
  FakeCache cache(before);
  Runner runner(graph);
  FakeObserver observer;
  const auto results = solve(graph, runner, cache, observer, {.jobs = jobs});
  after = cache.records();
  elsewhere = runner.asked;
  if (wanted.results.empty()) {
    // What ran before the failure was seen is chance, but none of it may be anything else.
    ASSERT_FALSE(results);
    EXPECT_EQ(results.error().code, Errc::kFailed);
    EXPECT_TRUE(
        std::includes(wanted.ran.begin(), wanted.ran.end(), runner.ran.begin(), runner.ran.end()));
    for (const auto& [key, result] : after)
      EXPECT_TRUE(holds(before, key, result) || holds(wanted.cache, key, result));
    return;
  }
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, wanted.results);
  EXPECT_EQ(runner.ran, wanted.ran);
  EXPECT_EQ(after, wanted.cache);
  // Each step is shown, as run or as cached.
  EXPECT_EQ(runner.vertices.size() + observer.hits.size(), graph.vertices.size());
  for (const VertexId id : runner.vertices) EXPECT_FALSE(observer.hits.contains(id));
}

unsigned number(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::atoi(text));
}

TEST(RandomGraphs, AreSolvedAsByTheReference) {
  const unsigned begin = number("LICHEN_TEST_SEED", 1);
  const unsigned count = number("LICHEN_TEST_GRAPHS", 60);
  for (unsigned seed = begin; seed < begin + count; ++seed) {
    Generator generator(seed);
    Records cache;
    for (int edit = 0; edit < 5; ++edit) {
      const graph::Graph graph = generator.graph();
      Records after;
      std::set<Digest> elsewhere;
      for (const unsigned jobs : {1, 2, 7}) {
        SCOPED_TRACE("LICHEN_TEST_SEED=" + std::to_string(seed) + ", edit " + std::to_string(edit) +
                     ", jobs " + std::to_string(jobs));
        agrees(graph, cache, jobs, after, elsewhere);
        if (testing::Test::HasFailure()) return;
      }
      cache = std::move(after);
      generator.age(cache, elsewhere);
      generator.edit();
    }
  }
}

}  // namespace
}  // namespace lichen::solver
