#include "ops/runner.h"

#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "ops/content_digest.h"
#include "ops/fetched.h"
#include "ops/local.h"
#include "ops/recipes.h"
#include "ops/selection.h"
#include "ops/step_mounts.h"
#include "ops/trees.h"
#include "os/file.h"

namespace lichen::ops {

using graph::VertexId;
using solver::ResultId;

Runner::Runner(const graph::Graph& graph, Services services)
    : graph_(graph),
      services_(std::move(services)),
      emptied_(std::make_unique<EmptiedCaches>()),
      fetched_(std::make_unique<FetchedSources>(services_)),
      recipes_(std::make_unique<Recipes>(graph_, services_,
                                         [this](VertexId vertex, const graph::Copy& copy) {
                                           Listing listing;
                                           (void)context_digest(vertex, copy, &listing);
                                           return listing.finish();
                                         })),
      trees_(std::make_unique<Trees>(services_.store)) {}

Runner::~Runner() = default;

Result<Stack> stack_of(store::Store& store, ResultId result) {
  Stack stack;
  if (result != 0)
    for (const std::int64_t id : TRY(store.stack(result))) {
      stack.lower.insert(stack.lower.begin(), store.fs_path(id));
      stack.sidecars.push_back(store.owners_path(id));
    }
  // overlayfs wants at least one lower directory; under the lowest layer an empty one changes
  // nothing.
  if (stack.lower.empty()) stack.lower.push_back(store.empty_path());
  return stack;
}

void discard_snapshot(store::Store& store, JobClient& jobs, std::int64_t id) {
  // A worker is asked only for what we may not remove ourselves: files of other ids.
  const auto remove = [&jobs](const std::vector<std::string>& paths) {
    for (const std::string& path : paths)
      if (!os::remove_tree(path)) (void)jobs.remove({path});
  };
  remove({store.fs_path(id), store.work_path(id)});
  if (const auto garbage = store.abandon_snapshot(id)) remove({*garbage});
}

namespace {

Hasher key_hasher(const char* kind, const graph::Vertex& vertex) {
  Hasher hasher;
  hasher.field("lichen key 1").field(kind).field(graph::canonical(vertex.op));
  hasher.field(vertex.platform ? oci::to_text(*vertex.platform) : "");
  return hasher;
}

}  // namespace

namespace {

// A tree whose number says its content: made of nothing but what its operation has, and contexts.
bool is_literal(const graph::Graph& graph, const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::FileOp>(&vertex.op);
  if (file == nullptr || !file->scratch) return false;
  return std::all_of(vertex.inputs.begin(), vertex.inputs.end(), [&](const graph::Input& input) {
    const auto* source = std::get_if<graph::SourceOp>(&graph.vertices[input.vertex].op);
    return source != nullptr && starts_with(source->identifier, "local://");
  });
}

}  // namespace

std::optional<SourceDigest> Runner::source_digest(VertexId vertex) const {
  return fetched_->digest(vertex);
}

bool Runner::is_remote(VertexId vertex) const {
  const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[vertex].op);
  return source != nullptr && FetchedSources::is_remote(*source);
}

Result<Digest> Runner::definition_key(VertexId vertex, const std::vector<Digest>& input_keys) {
  const Digest key = TRY(make_definition_key(vertex, input_keys));
  const std::lock_guard lock(mutex_);
  return keys_[vertex] = key;
}

Digest Runner::known_key(VertexId vertex) {
  const std::lock_guard lock(mutex_);
  const auto known = keys_.find(vertex);
  return known == keys_.end() ? Digest() : known->second;
}

Result<Digest> Runner::make_definition_key(VertexId vertex, const std::vector<Digest>& input_keys) {
  const graph::Vertex& v = graph_.vertices[vertex];
  if (const auto* source = std::get_if<graph::SourceOp>(&v.op);
      source != nullptr && is_fetched(*source))
    return fetched_->key(vertex, *source);
  Hasher hasher = key_hasher("definition", v);
  // What is taken from the context counts by content; the context as a whole does not.
  std::vector<bool> by_content(v.inputs.size(), false);
  const auto selections = selections_of(v.op);
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const auto& selection = selections[i];
    if (!selection || find_context(vertex, selection->input) == nullptr) continue;
    const Digest digest = TRY(context_digest(vertex, *selection));
    std::lock_guard lock(mutex_);
    context_digests_[{vertex, i}] = digest;
    by_content[*selection->input] = true;
    hasher.field(digest.text());
  }
  for (std::size_t i = 0; i < input_keys.size(); ++i)
    hasher.field(by_content[i] ? "context" : input_keys[i].text());
  return hasher.finish();
}

Result<Digest> Runner::stack_digest(VertexId vertex, std::size_t selection, ResultId result,
                                    const graph::Copy& copy) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = stack_digests_.find({vertex, selection});
    if (known != stack_digests_.end()) return known->second;
  }
  const Stack stack = TRY(stack_of(services_.store, result));
  DigestJob job{.tier = services_.tier,
                .input = {.lower = stack.lower, .sidecars = stack.sidecars},
                .mounts = services_.store.mount_path(),
                .scratch = TRY(services_.store.temporary_path())};
  job.copies.push_back(copy);
  DigestReply reply = TRY(services_.jobs.call<DigestReply>(job));
  recipes_->note_files(vertex, selection, std::move(reply.files.at(0)));
  const std::lock_guard lock(mutex_);
  return stack_digests_[{vertex, selection}] = reply.digests.at(0);
}

// The parts of a content key: `name` is given the number of an input that counts as a whole, and
// gives what the tree is called.
template <class Name>
Result<std::optional<Digest>> Runner::content_key_of(const char* kind, VertexId vertex,
                                                     const std::vector<ResultId>& inputs,
                                                     const Name& name) {
  const graph::Vertex& v = graph_.vertices[vertex];
  Hasher hasher = key_hasher(kind, v);
  bool is_known = true;
  const auto whole = [&](std::size_t input) -> Result<void> {
    const std::optional<std::string> text = TRY(name(input));
    is_known = is_known && text;
    hasher.field(text.value_or(""));
    return {};
  };
  if (const auto* file = std::get_if<graph::FileOp>(&v.op); file != nullptr && !file->scratch)
    TRY(whole(0));
  if (std::holds_alternative<graph::MergeOp>(v.op))
    for (std::size_t i = 0; i < inputs.size(); ++i) TRY(whole(i));
  const auto selections = selections_of(v.op);
  for (std::size_t i = 0; i < selections.size() && is_known; ++i) {
    const auto& selection = selections[i];
    if (!selection) {
      const auto* exec = std::get_if<graph::ExecOp>(&v.op);
      if (exec != nullptr && exec->mounts[i].input) TRY(whole(*exec->mounts[i].input));
      continue;
    }
    if (!selection->input) continue;
    if (find_context(vertex, selection->input) != nullptr) {
      std::lock_guard lock(mutex_);
      hasher.field(context_digests_.at({vertex, i}).text());
    } else if (std::holds_alternative<graph::ExecOp>(v.op) &&
               is_literal(graph_, graph_.vertices[v.inputs.at(*selection->input).vertex])) {
      TRY(whole(*selection->input));
    } else {
      const ResultId input = TRY(local(vertex, inputs.at(*selection->input)));
      hasher.field(TRY(stack_digest(vertex, i, input, *selection)).text());
    }
  }
  if (!is_known) return std::nullopt;
  return hasher.finish();
}

std::string Runner::explain(VertexId vertex, const std::vector<ResultId>& inputs) {
  return recipes_->explain(vertex, inputs);
}

void Runner::recorded(VertexId vertex, const Digest& key, const std::vector<ResultId>& inputs) {
  recipes_->record(vertex, key, inputs);
}

Result<std::optional<Digest>> Runner::content_key(VertexId vertex,
                                                  const std::vector<ResultId>& inputs) {
  if (std::holds_alternative<graph::SourceOp>(graph_.vertices[vertex].op)) return std::nullopt;
  return content_key_of("content", vertex, inputs,
                        [&](std::size_t input) -> Result<std::optional<std::string>> {
                          return std::to_string(TRY(local(vertex, inputs.at(input))));
                        });
}

Result<std::optional<Digest>> Runner::export_key(VertexId vertex,
                                                 const std::vector<ResultId>& inputs) {
  const graph::Vertex& v = graph_.vertices[vertex];
  if (std::holds_alternative<graph::SourceOp>(v.op)) return std::nullopt;
  return content_key_of("portable", vertex, inputs,
                        [&](std::size_t input) -> Result<std::optional<std::string>> {
                          const VertexId below = v.inputs.at(input).vertex;
                          if (is_literal(graph_, graph_.vertices[below]))
                            return known_key(below).text();
                          return portable_name(inputs.at(input));
                        });
}

Result<std::optional<Digest>> Runner::portable_key(VertexId vertex,
                                                   const std::vector<ResultId>& inputs) {
  if (services_.imported == nullptr || services_.imported->empty()) return std::nullopt;
  return export_key(vertex, inputs);
}

Result<std::optional<std::string>> Runner::portable_name(ResultId result) {
  if (result == 0) return "scratch";
  if (ops::is_remote(result)) return services_.imported->tree(result).back().layer.chain.text();
  const auto snapshot = TRY(services_.store.find_snapshot(result));
  if (!snapshot || snapshot->chain.empty()) return std::nullopt;
  return snapshot->chain.text();
}

Result<ResultId> Runner::local(VertexId vertex, ResultId result) {
  if (!ops::is_remote(result)) return result;
  return services_.imported->snapshot(
      result, services_.store, container::to_text(services_.tier), [&](const RemoteTree& tree) {
        return services_.on_fetch(
            result, [&](const OnTransfer& on_transfer) { return pull(vertex, tree, on_transfer); });
      });
}

Result<ResultId> Runner::run(VertexId vertex, const std::vector<ResultId>& all) {
  const graph::Vertex& v = graph_.vertices[vertex];
  std::vector<ResultId> inputs;
  for (const ResultId input : all) inputs.push_back(TRY(local(vertex, input)));
  if (const auto* source = std::get_if<graph::SourceOp>(&v.op)) {
    // The context is read in place by the copies that need it.
    if (starts_with(source->identifier, "local://")) return ResultId{0};
    if (is_fetched(*source))
      return make_snapshot(vertex, 0, [&](std::int64_t id, const Stack&) -> Result<std::string> {
        TRY(fetched_->fill(vertex, *source, services_.store.fs_path(id)));
        return std::string();  // all is root's, which needs no record
      });
    return run_image(vertex, *source);
  }
  if (const auto* exec = std::get_if<graph::ExecOp>(&v.op)) return run_exec(vertex, *exec, inputs);
  if (std::holds_alternative<graph::MergeOp>(v.op))
    return run_merge(vertex, inputs.at(0), inputs.at(1));
  return run_file(vertex, std::get<graph::FileOp>(v.op), inputs);
}

Result<ResultId> Runner::run_merge(VertexId vertex, ResultId base, ResultId layer) {
  if (base == 0) return layer;
  store::Store& store = services_.store;
  const std::int64_t id = TRY(store.begin_snapshot(container::to_text(services_.tier), base,
                                                   graph_.metadata[vertex].name, layer));
  if (auto committed = store.commit_snapshot(id); !committed) {
    discard_snapshot(store, services_.jobs, id);
    return fail(std::move(committed).error());
  }
  return id;
}

Result<ResultId> Runner::make_snapshot(
    VertexId vertex, ResultId base,
    const std::function<Result<std::string>(std::int64_t, const Stack&)>& fill,
    const std::optional<std::string>* left) {
  store::Store& store = services_.store;
  const Stack below = TRY(stack_of(store, base));
  const std::int64_t id = TRY(store.begin_snapshot(container::to_text(services_.tier),
                                                   base == 0 ? std::nullopt : std::optional(base),
                                                   graph_.metadata[vertex].name));
  auto sidecar = fill(id, below);
  Result<void> written;
  if (!sidecar)
    written = fail(std::move(sidecar).error());
  else if (!sidecar->empty())
    written = os::replace_file(store.owners_path(id), *sidecar, 0600);
  if (written) written = store.commit_snapshot(id);
  if (written) return id;
  if (left == nullptr || !*left || !keep_failed(vertex, id, **left))
    discard_snapshot(store, services_.jobs, id);
  return fail(std::move(written).error());
}

bool Runner::keep_failed(VertexId vertex, std::int64_t id, const std::string& sidecar) {
  store::Store& store = services_.store;
  if (!services_.on_kept) return false;
  if (!sidecar.empty() && !os::replace_file(store.owners_path(id), sidecar, 0600)) return false;
  if (!store.keep_failed_snapshot(id)) return false;
  services_.on_kept(vertex, id);
  return true;
}

const graph::SourceOp* Runner::find_context(VertexId vertex,
                                            std::optional<std::size_t> number) const {
  if (!number) return nullptr;
  const graph::Input& input = graph_.vertices[vertex].inputs.at(*number);
  const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[input.vertex].op);
  return source != nullptr && starts_with(source->identifier, "local://") ? source : nullptr;
}

Result<std::string> Runner::context_directory(const graph::SourceOp& source) const {
  const std::string name = source.identifier.substr(std::string("local://").size());
  return services_.open_context(name);
}

Result<Digest> Runner::context_digest(VertexId vertex, const graph::Copy& copy, Listing* listing) {
  const graph::SourceOp& source = *find_context(vertex, copy.input);
  const os::UniqueFd root = TRY(os::open(TRY(context_directory(source)), O_RDONLY | O_DIRECTORY));
  const graph::Ignore ignore = TRY(graph::Ignore::from_patterns(TRY(ignore_patterns(source))));
  const SourceTree tree{.root = root,
                        .ignore = ignore.empty() ? nullptr : &ignore,
                        .is_context = true,
                        .git_modes = has_git_modes(source)};
  return digest_of(
      tree, copy,
      [this](const os::UniqueFd& directory, const std::string& name, const struct ::stat& status) {
        return services_.stat_cache.digest(directory, name, status);
      },
      listing);
}

Result<std::optional<ResultId>> Cache::find(const Digest& key) {
  const std::string tier = container::to_text(tier_);
  if (const auto own = TRY(store_.find_cache(tier, key))) return own;
  const auto imported = imported_ == nullptr ? std::nullopt : imported_->find(key);
  if (!imported) return std::nullopt;
  // The store may have the tree for another reason.
  const auto unpacked = TRY(store_.find_snapshot_by_chain(tier, imported->chain));
  if (!unpacked) return imported->result;
  TRY(store_.put_cache(tier, key, *unpacked));
  return *unpacked;
}

Result<void> Cache::put(const Digest& key, ResultId result) {
  if (result == 0) return {};  // the context: nothing to find again
  if (!ops::is_remote(result)) return store_.put_cache(container::to_text(tier_), key, result);
  imported_->note_key(key, result);  // recorded when there is a snapshot
  return {};
}

Result<std::unique_ptr<solver::CacheIndex::Flight>> Cache::take_off(const Digest& key) {
  class Locked final : public Flight {
   public:
    explicit Locked(os::FileLock lock) : lock_(std::move(lock)) {}

   private:
    os::FileLock lock_;
  };
  return std::unique_ptr<Flight>(
      std::make_unique<Locked>(TRY(store_.lock_key(container::to_text(tier_), key))));
}

}  // namespace lichen::ops
