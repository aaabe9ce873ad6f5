#include "build/build.h"

#include <fcntl.h>

#include <algorithm>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>

#include "base/text.h"
#include "build/base_images.h"
#include "build/cache_export.h"
#include "build/cache_import.h"
#include "build/cache_mounts.h"
#include "build/context.h"
#include "build/export.h"
#include "build/recorder.h"
#include "build/sbom.h"
#include "build/session.h"
#include "build/sources.h"
#include "build/steps.h"
#include "build/upkeep.h"
#include "dockerfile/excerpt.h"
#include "dockerfile/lower.h"
#include "history/records.h"
#include "history/report.h"
#include "image/assemble.h"
#include "ops/limits.h"
#include "ops/recipes.h"
#include "ops/runner.h"
#include "ops/secret_guard.h"
#include "os/file.h"
#include "solver/solver.h"
#include "transfer/output_file.h"

namespace lichen::build {

namespace {

constexpr std::string_view kLocalScheme = "local://";
constexpr unsigned kJobs = 8;  // vertices at once: most of them wait for a child or a peer

std::string vertex_key(graph::VertexId vertex) {
  return "vertex " + std::to_string(vertex);
}

// The solver's news as steps. What it is given is borrowed.
class StepObserver final : public solver::Observer {
 public:
  StepObserver(const graph::Graph& graph, Steps& steps, StoreLimit& limit,
               const ops::ImportedCache& imported)
      : graph_(graph),
        steps_(steps),
        limit_(limit),
        imported_(imported),
        keys_(graph.vertices.size()) {}
  void keyed(graph::VertexId vertex, const Digest& key) override { keys_[vertex] = key; }
  void started(graph::VertexId vertex) override {
    steps_.started(vertex_key(vertex), graph_.metadata[vertex].name);
  }
  void missed(graph::VertexId vertex, const std::string& why) override {
    steps_.missed(vertex_key(vertex), why);
  }
  void cached(graph::VertexId vertex) override {
    steps_.cached(vertex_key(vertex), graph_.metadata[vertex].name);
  }
  void finished(graph::VertexId vertex, const Error* error) override {
    // The step is done again, without the cache that it wanted something of.
    if (error != nullptr && imported_.failure()) return;
    if (error != nullptr && error->code != Errc::kCancelled && !failed_) {
      std::lock_guard lock(mutex_);
      failed_ = vertex;
    }
    if (error == nullptr) {
      any_ran_ = true;
      limit_.layer_written();
    }
    steps_.finished(vertex_key(vertex), error);
  }
  std::optional<graph::VertexId> failed() const { return failed_; }
  bool any_ran() const { return any_ran_; }
  const std::vector<Digest>& keys() const { return keys_; }  // empty ones: it came not so far

 private:
  const graph::Graph& graph_;
  Steps& steps_;
  StoreLimit& limit_;
  const ops::ImportedCache& imported_;
  std::vector<Digest> keys_;
  std::mutex mutex_;
  std::optional<graph::VertexId> failed_;
  std::atomic<bool> any_ran_ = false;
};

// The error as a user wants it: the step's last words, the place in the Dockerfile, then what
// failed.
Error in_dockerfile(Error error, const graph::Metadata& metadata, const std::string& dockerfile,
                    const std::string& tail) {
  if (!tail.empty()) {
    error.detail += "------\n > " + printable(metadata.name) + ":\n";
    std::vector<std::string> lines = split(tail, '\n');
    constexpr std::size_t kTailLines = 25;
    for (std::size_t i = lines.size() > kTailLines ? lines.size() - kTailLines : 0;
         i < lines.size(); ++i)
      if (i + 1 < lines.size() || !lines[i].empty())
        error.detail += std::string(trim(printable(lines[i]))) + "\n";
    error.detail += "------\n";
  }
  if (metadata.first_line > 0) {
    error.detail +=
        dockerfile::excerpt(metadata.file, dockerfile, {metadata.first_line, metadata.last_line});
    error.context.push_back(metadata.file + ":" + std::to_string(metadata.first_line));
  }
  return error;
}

// What each step was, for `lichen explain` and `lichen debug shell`.
void record_specs(const graph::Graph& graph, const std::vector<Digest>& keys, Steps& steps,
                  const std::function<Result<std::string>(const std::string&)>& open_context,
                  Recorder& recorder) {
  for (graph::VertexId vertex = 0; vertex < graph.vertices.size(); ++vertex) {
    const int step = steps.number(vertex_key(vertex));
    if (step == 0 || keys[vertex].empty()) continue;
    const graph::Vertex& v = graph.vertices[vertex];
    history::StepSpec spec{.key = keys[vertex],
                           .place = ops::step_place(graph, vertex),
                           .platform = v.platform ? oci::to_text(*v.platform) : ""};
    for (std::size_t i = 0; i < v.inputs.size(); ++i) {
      const graph::VertexId input = v.inputs[i].vertex;
      spec.inputs.push_back(steps.number(vertex_key(input)));
      const auto* source = std::get_if<graph::SourceOp>(&graph.vertices[input].op);
      if (source == nullptr || !starts_with(source->identifier, kLocalScheme)) continue;
      if (auto place = open_context(source->identifier.substr(kLocalScheme.size())))
        spec.contexts[i] = std::move(*place);
    }
    if (const auto* exec = std::get_if<graph::ExecOp>(&v.op)) {
      spec.exec = *exec;
      spec.exec->proxy_env.clear();
      if (!exec->mounts.empty()) spec.root = exec->mounts[0].input;
    } else if (const auto* file = std::get_if<graph::FileOp>(&v.op); file != nullptr) {
      if (!file->scratch && !v.inputs.empty()) spec.root = 0;
    } else if (std::holds_alternative<graph::MergeOp>(v.op)) {
      spec.root = 0;
    }
    recorder.spec(step, spec);
  }
}

// Layers of an imported cache, as a step of their own; there is none when nothing moves.
Result<std::int64_t> fetch_cached(
    Steps& steps, solver::ResultId tree,
    const std::function<Result<std::int64_t>(const ops::OnTransfer& on_transfer)>& fetch) {
  const std::string step = "fetch " + std::to_string(tree);
  std::once_flag told;
  bool any = false;
  auto fetched =
      fetch([&](const std::string& what, std::uint64_t bytes, std::uint64_t total, bool done) {
        std::call_once(told, [&] {
          steps.started(step, "[internal] fetching cached layers");
          any = true;
        });
        steps.transfer(step, what, bytes, total, done);
      });
  if (any) steps.finished(step, fetched ? nullptr : &fetched.error());
  return fetched;
}

ops::Services services_for(Session& session, const Environment& environment, Steps& steps,
                           ops::StatCache& stat_cache, Recorder& recorder) {
  return {.store = session.store(),
          .jobs = session.jobs(),
          .registry = session.registry(),
          .stat_cache = stat_cache,
          .tier = session.tier(),
          .cancelled = environment.cancelled,
          .place = {},
          .open_context = {},
          .secrets = {},
          .agents = {},
          .on_log =
              [&steps](graph::VertexId vertex, bool is_stderr, const std::string& text) {
                steps.log(vertex_key(vertex), is_stderr, text);
              },
          .on_transfer =
              [&steps](graph::VertexId vertex, const std::string& what, std::uint64_t bytes,
                       std::uint64_t total,
                       bool done) { steps.transfer(vertex_key(vertex), what, bytes, total, done); },
          .on_peak =
              [&steps, &recorder](graph::VertexId vertex, std::uint64_t bytes) {
                recorder.peak(steps.number(vertex_key(vertex)), bytes);
              },
          .on_kept =
              [&steps, &recorder](graph::VertexId vertex, std::int64_t snapshot) {
                recorder.kept(steps.number(vertex_key(vertex)), snapshot);
              }};
}

// Dockerfile -> graph, once for each platform. What lint finds for several is told once.
Result<std::vector<dockerfile::Lowered>> lower_all(const Request& request, const Sources& sources,
                                                   BaseImages& images, Steps& steps) {
  std::vector<std::optional<oci::Platform>> platforms(request.platforms.begin(),
                                                      request.platforms.end());
  if (platforms.empty()) platforms.emplace_back();
  std::vector<dockerfile::Lowered> all;
  std::vector<dockerfile::Warning> warnings;
  std::optional<Error> error;
  for (std::size_t i = 0; i < platforms.size() && !error; ++i) {
    std::vector<dockerfile::Warning> found;
    auto lowered =
        dockerfile::lower(frontend_request(request, sources, platforms[i]), images, &found);
    dockerfile::merge_warnings(warnings, std::move(found));
    if (lowered)
      all.push_back(std::move(*lowered));
    else
      error = std::move(lowered).error();
  }
  for (const dockerfile::Warning& warning : warnings)
    steps.send(Warning{.text = warning.text,
                       .file = sources.file,
                       .line = warning.lines.first,
                       .rule = warning.rule});
  if (error) return fail(std::move(*error));
  return all;
}

// A second result to each platform's graph.
Result<void> add_scans(const SbomRequest& request, BaseImages& images,
                       std::vector<dockerfile::Lowered>& lowered) {
  const auto generator = TRY(images.resolve(request.generator, oci::host_platform()));
  for (dockerfile::Lowered& one : lowered)
    one.graph = TRY(with_scan(std::move(one.graph), one.scanned, request, generator));
  return {};
}

// The targets' snapshots, of those that an imported cache has.
Result<void> make_local(const graph::Graph& graph, ops::Runner& runner,
                        std::vector<solver::ResultId>& results) {
  for (std::size_t i = 0; i < results.size(); ++i)
    if (graph.results[i]) results[i] = TRY(runner.local(graph.results[i]->vertex, results[i]));
  return {};
}

bool wants_inline_cache(const Request& request) {
  return std::any_of(request.cache_to.begin(), request.cache_to.end(),
                     [](const CacheTarget& target) { return target.kind == CacheKind::kInline; });
}

// `session` is opened on the way.
Result<Outcome> build_in(std::unique_ptr<Session>& session, const Request& request,
                         const Environment& environment, Recorder& recorder) {
  const EventSink events = recorder.sink();
  // What the user gave, read and checked before anything is started; only a context that comes from
  // elsewhere needs the store to be open.
  const auto open_session = [&]() -> Result<void> {
    if (session != nullptr) return {};
    session = TRY(Session::open(environment, events));
    recorder.open(session->store().path());
    return {};
  };
  const std::string started = rfc3339_now();
  Steps steps(events);
  const Secrets secrets = TRY(read_secrets(request));
  Contexts contexts(request, {.open_store = [&]() -> Result<store::Store*> {
                                TRY(open_session());
                                return &session->store();
                              },
                              .steps = steps,
                              .secrets = secrets,
                              .cancelled = environment.cancelled});
  TRY(check_outputs(request));
  (void)TRY(ops::limits_of(request.ulimits));
  const Sources sources = TRY(read_sources(request, contexts));
  TRY(open_session());
  recorder.set_dockerfile(sources.from_stdin ? "standard input" : sources.place);

  // Dockerfile -> graph, the platforms' in one. From here it is immutable.
  BaseImages images({.store = session->store(),
                     .registry = session->registry(),
                     .steps = steps,
                     .pull = request.pull,
                     .multi_platform = is_multi_platform(request),
                     .contexts = &contexts});
  std::vector<dockerfile::Lowered> lowered = TRY(lower_all(request, sources, images, steps));
  const std::optional<std::int64_t> epoch = lowered.front().source_date_epoch;
  if (request.attestations.sbom) TRY(add_scans(*request.attestations.sbom, images, lowered));
  std::vector<graph::Graph> graphs;
  for (dockerfile::Lowered& one : lowered) graphs.push_back(std::move(one.graph));
  const graph::Graph graph = graph::merge(std::move(graphs));
  steps.send(StepsExpected{static_cast<int>(graph.vertices.size()) + 1});  // and the export

  if (request.secret_guard != SecretGuardMode::kOff)
    for (const auto& [id, bytes] : secrets.values)
      if (bytes.size() < ops::SecretGuard::kLeastBytes)
        steps.send(Warning{.text = "the secret " + printable(id) +
                                   " is too short for layers to be searched for it",
                           .file = {},
                           .line = 0});

  // Graph -> the targets' snapshots. Steps run, or are found.
  ops::StatCache stat_cache(session->store().path() + "/stat-cache");
  ops::Services services = services_for(*session, environment, steps, stat_cache, recorder);
  services.open_context = [&contexts](const std::string& name) -> Result<std::string> {
    return TRY(contexts.open(name))->directory;
  };
  services.place = sources.place;
  services.secrets = secrets.values;
  services.agents = secrets.agents;
  ops::ImportedCache imported;
  services.imported = &imported;
  services.on_fetch = [&steps](solver::ResultId tree, const auto& fetch) {
    return fetch_cached(steps, tree, fetch);
  };
  TRY(import_caches(*session, request.cache_from, steps, imported));
  StoreLimit limit(*session, environment.store_max);
  ops::Cache cache(session->store(), session->tier(), &imported);
  std::optional<ops::Runner> runner;
  bool any_ran = false;
  const auto solve = [&]() -> Result<std::vector<solver::ResultId>> {
    runner.emplace(graph, services);
    StepObserver observer(graph, steps, limit, imported);
    // What still runs when a step fails ends as if it were interrupted.
    std::atomic<bool> gave_up = false;
    const auto give_up = [&] {
      if (environment.cancelled != nullptr && !environment.cancelled->exchange(true))
        gave_up = true;
    };
    auto solved =
        solver::solve(graph, *runner, cache, observer,
                      {.jobs = kJobs, .cancelled = environment.cancelled, .on_failure = give_up});
    if (gave_up) environment.cancelled->store(false);
    any_ran = any_ran || observer.any_ran();
    record_specs(graph, observer.keys(), steps, services.open_context, recorder);
    if (!solved && !imported.failure() && observer.failed()) {
      const graph::VertexId vertex = *observer.failed();
      return fail(in_dockerfile(std::move(solved).error(), graph.metadata[vertex],
                                sources.dockerfile, steps.tail(vertex_key(vertex))));
    }
    if (solved && !needs_blobs_only(request)) TRY(make_local(graph, *runner, *solved));
    return solved;
  };
  auto solved = solve();
  // What an imported cache promised and does not hold is made here.
  if (!solved && imported.failure()) {
    steps.send(
        Warning{.text = "an imported cache is not used any more: " + to_text(*imported.failure()),
                .file = {}});
    imported.clear();
    solved = solve();
  }
  (void)stat_cache.save();
  if (!solved) return fail(std::move(solved).error());
  // From here no process of a step runs, and every layer's tree is in the store.

  // Snapshots -> images -> outputs.
  // With an SBOM, every second result is a generator's.
  const std::size_t stride = request.attestations.sbom ? 2 : 1;
  std::vector<std::optional<graph::Input>> results;
  std::vector<std::vector<ScanFile>> scans;
  for (std::size_t i = 0; i < lowered.size(); ++i) {
    results.push_back(graph.results.at(i * stride));
    if (stride == 2) scans.push_back(TRY(read_scan(session->store(), solved->at(i * stride + 1))));
  }
  const Attestations attestations({.request = request,
                                   .sources = sources,
                                   .context = *TRY(contexts.open("context")),
                                   .graph = graph,
                                   .runner = *runner,
                                   .started = started,
                                   .results = std::move(results),
                                   .scans = std::move(scans)});
  std::vector<Built> built;
  for (std::size_t i = 0; i < lowered.size(); ++i)
    built.push_back({.platform = i < request.platforms.size()
                                     ? request.platforms[i]
                                     : oci::normalised(oci::host_platform()),
                     .snapshot = solved->at(i * stride),
                     .config = std::move(lowered[i].config)});
  std::atomic<std::uint64_t> packed = 0;
  const ExportContext context{.session = *session,
                              .request = request,
                              .environment = environment,
                              .steps = steps,
                              .secrets = secrets.values,
                              .imported = imported,
                              .layer_written =
                                  [&](std::uint64_t bytes) {
                                    packed += bytes;
                                    limit.layer_written();
                                  },
                              .packed = packed,
                              .attestations = &attestations,
                              .source_date_epoch = epoch,
                              .now = std::time(nullptr)};
  std::vector<solver::ResultId> targets;
  for (const Built& one : built) targets.push_back(one.snapshot);
  const SolvedGraph done{graph, *runner, cache, imported, targets};
  InlineCache with_cache;
  if (wants_inline_cache(request))
    with_cache = [&](const image::Layers& layers) { return inline_cache(context, done, layers); };
  Outcome outcome = TRY(export_result(context, built, with_cache));
  TRY(export_caches(context, done));
  outcome.tier = container::to_text(session->tier());
  // What was built survives a power loss from here on; before, a restart forgets it.
  if (any_ran || imported.any_fetched()) TRY(session->store().sync());
  return outcome;
}

Result<void> write_report(const std::string& store, const std::string& id, const Request& request) {
  const history::Build build = TRY(history::read(history_directory(store), id));
  return transfer::OutputFile::write(request.report, history::report_html(build),
                                     request.output_fd);
}

}  // namespace

Result<Outcome> build(const Request& request, const Environment& environment,
                      const EventSink& events) {
  std::unique_ptr<Session> session;
  Recorder recorder(request, events);
  auto outcome = build_in(session, request, environment, recorder);
  if (session == nullptr) return outcome;
  if (outcome) outcome->build_id = recorder.id();
  // The snapshot that a failed step left takes the place of the one before.
  if (!outcome)
    if (const auto pruned = store::prune_failed(session->store()))
      (void)session->jobs().remove(pruned->garbage);
  const auto tell = [&](const Result<std::string>& said, const char* flag) {
    const std::string text = said ? *said : flag + (": " + to_text(said.error()));
    if (!text.empty()) recorder.sink()(Warning{.text = text, .file = {}});
  };
  // From here the build uses nothing any more.
  if (environment.cache_mount_max != 0) (void)session->store().release();
  if (environment.cache_mount_max != 0)
    tell(limit_cache_mounts(*session, environment.cache_mount_max), "--cache-mount-max");
  // The image that was asked for stays, whatever the limit.
  std::set<std::string> images;
  if (outcome) images.insert(outcome->names.begin(), outcome->names.end());
  if (outcome && images.empty()) images.insert(outcome->manifest_digest.text());
  tell(StoreLimit(*session, environment.store_max).finish(images), "--store-max");
  recorder.finish(outcome, container::to_text(session->tier()));
  if (request.report.empty()) return outcome;
  auto written = write_report(session->store().path(), recorder.id(), request);
  if (!written && outcome) return fail(std::move(written).error());
  return outcome;
}

}  // namespace lichen::build
