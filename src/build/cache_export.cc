#include "build/cache_export.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/base64.h"
#include "base/text.h"
#include "build/blob_source.h"
#include "oci/reference.h"
#include "transfer/copy.h"
#include "transfer/recode.h"

namespace lichen::build {

namespace {

using graph::VertexId;
using solver::ResultId;

// What is known of one vertex: its result, and all keys that find it.
struct Known {
  std::optional<ResultId> result;
  std::vector<Digest> keys;  // the definition key first
};

// The layers of a document, each once for what it stands on.
class Book {
 public:
  std::vector<std::size_t> add(const image::Layers& tree) {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < tree.layers.size(); ++i) {
      const std::optional<std::size_t> parent =
          numbers.empty() ? std::nullopt : std::optional(numbers.back());
      const store::Layer& layer = tree.layers[i];
      const auto [at, is_new] = places_.try_emplace({layer.blob, parent}, config_.layers.size());
      if (is_new) {
        config_.layers.push_back({.blob = layer.blob,
                                  .parent = parent,
                                  .diff_id = layer.diff_id,
                                  .created = tree.created[i]});
        blobs_.emplace(layer.blob, layer);
        created_.emplace(layer.blob, tree.created[i]);
      }
      numbers.push_back(at->second);
    }
    return numbers;
  }

  oci::CacheConfig& config() { return config_; }
  const std::map<Digest, store::Layer>& blobs() const { return blobs_; }
  std::int64_t created(const Digest& blob) const { return created_.at(blob); }

 private:
  oci::CacheConfig config_;
  std::map<std::pair<Digest, std::optional<std::size_t>>, std::size_t> places_;
  std::map<Digest, store::Layer> blobs_;
  std::map<Digest, std::int64_t> created_;
};

class Collector {
 public:
  Collector(const ExportContext& context, const SolvedGraph& solved)
      : context_(context), solved_(solved), known_(solved.graph.vertices.size()) {}

  // Results and keys of all vertices, as far as the store or an imported cache has them.
  Result<void> find_all() {
    for (VertexId id = 0; id < known_.size(); ++id) {
      const Digest key = solved_.runner.known_key(id);
      if (key.empty()) continue;
      known_[id].result = TRY(solved_.cache.find(key));
      if (known_[id].result) known_[id].keys.push_back(key);
    }
    return {};
  }

  // After the layers are made that count: their chain ids are in keys.
  Result<void> find_content_keys() {
    for (VertexId id = 0; id < known_.size(); ++id) {
      if (!known_[id].result) continue;
      if (const auto key = TRY(content_key(id))) add_key(id, *key);
      // What the cache that it came from says of it is still true.
      if (ops::is_remote(*known_[id].result))
        for (const Digest& key : solved_.imported.keys_of(*known_[id].result)) add_key(id, key);
    }
    return {};
  }

  const Known& known(VertexId id) const { return known_[id]; }
  std::size_t size() const { return known_.size(); }

  // A record for each key of the vertices that have a tree, and links between them.
  std::vector<oci::CacheRecord> records(
      const std::map<VertexId, std::vector<std::size_t>>& trees) const {
    std::vector<oci::CacheRecord> records;
    std::map<Digest, std::size_t> places;
    for (const auto& [id, tree] : trees)
      for (const Digest& key : known_[id].keys) {
        const auto [at, is_new] = places.try_emplace(key, records.size());
        if (is_new) records.push_back({.key = key, .trees = {tree}, .inputs = {}});
      }
    for (const auto& [id, tree] : trees) {
      oci::CacheRecord& record = records[places.at(known_[id].keys.front())];
      if (!record.inputs.empty()) continue;
      for (const graph::Input& input : solved_.graph.vertices[id].inputs) {
        std::vector<std::size_t> links;
        if (trees.contains(input.vertex))
          links.push_back(places.at(known_[input.vertex].keys.front()));
        record.inputs.push_back(std::move(links));
      }
    }
    return records;
  }

 private:
  void add_key(VertexId id, const Digest& key) {
    std::vector<Digest>& keys = known_[id].keys;
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }

  // nullopt also when something would have to be fetched for it.
  Result<std::optional<Digest>> content_key(VertexId id) {
    std::vector<ResultId> inputs;
    for (const graph::Input& input : solved_.graph.vertices[id].inputs) {
      std::optional<ResultId> result = known_[input.vertex].result;
      if (result && ops::is_remote(*result)) result = solved_.imported.find_snapshot(*result);
      // Only contexts have none; of them nothing but what is selected counts.
      if (!result && !is_context(input.vertex)) return std::nullopt;
      inputs.push_back(result.value_or(0));
    }
    return solved_.runner.export_key(id, inputs);
  }
  bool is_context(VertexId id) const {
    const auto* source = std::get_if<graph::SourceOp>(&solved_.graph.vertices[id].op);
    return source != nullptr && starts_with(source->identifier, "local://");
  }

  const ExportContext& context_;
  const SolvedGraph& solved_;
  std::vector<Known> known_;
};

Result<Digest> chain_of(const ExportContext& context, ResultId result) {
  if (ops::is_remote(result)) return context.imported.tree(result).back().layer.chain;
  const auto snapshot = TRY(context.session.store().find_snapshot(result));
  return snapshot ? snapshot->chain : Digest();
}

// The vertices whose trees are among the layers of an image: a part of it from the bottom, or one
// layer that is put on others.
Result<std::map<VertexId, std::vector<std::size_t>>> vertices_in(const ExportContext& context,
                                                                 const Collector& collector,
                                                                 const image::Layers& image) {
  std::map<Digest, std::vector<std::size_t>> places;
  std::vector<std::size_t> below;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    below.push_back(i);
    places.emplace(image.layers[i].chain, below);
  }
  for (std::size_t i = 0; i < image.layers.size(); ++i)
    places.emplace(image.layers[i].diff_id, std::vector{i});
  std::map<VertexId, std::vector<std::size_t>> found;
  for (VertexId id = 0; id < collector.size(); ++id) {
    const Known& known = collector.known(id);
    if (!known.result || *known.result == 0) continue;
    const Digest chain = TRY(chain_of(context, *known.result));
    if (const auto place = places.find(chain); place != places.end()) found[id] = place->second;
  }
  return found;
}

// One cache on its way to one place.
class CacheExport {
 public:
  CacheExport(const ExportContext& context, const SolvedGraph& solved, const CacheTarget& target)
      : context_(context),
        solved_(solved),
        target_(target),
        collector_(context, solved),
        source_(context.session.store()) {}

  // False: there is nothing to keep.
  Result<bool> run(const transfer::Progress& progress) {
    TRY(collect());
    if (book_.config().records.empty()) return false;
    source_.set_root(target_.image_manifest ? write_manifest() : write_index());
    const auto to = TRY(transfer::open_target(place(), services()));
    (void)TRY(transfer::copy_image(
        source_, *to, {.all = true, .cancelled = context_.environment.cancelled}, progress));
    return true;
  }

 private:
  Result<void> collect() {
    const Compression compression = TRY(compression_of(context_.request));
    TRY(collector_.find_all());
    std::map<VertexId, image::Layers> trees;
    std::vector<image::Layers> images;
    for (const ResultId target : solved_.targets) {
      images.push_back(TRY(layers_of(context_, compression, target)));
      const image::Layers& image = images.back();
      for (const auto& [id, numbers] : TRY(vertices_in(context_, collector_, image)))
        trees[id] = part_of(image, numbers);
      remember_remote(target);
    }
    if (target_.all_steps)
      for (VertexId id = 0; id < collector_.size(); ++id) {
        const auto& result = collector_.known(id).result;
        if (!result || *result == 0 || trees.contains(id)) continue;
        trees[id] = TRY(layers_of(context_, compression, *result));
        remember_remote(*result);
      }
    TRY(collector_.find_content_keys());
    // Of equal trees that were made at two times, that of the image counts.
    for (image::Layers& image : images) {
      TRY(convert(image));
      (void)book_.add(image);
    }
    std::map<VertexId, std::vector<std::size_t>> numbers;
    for (auto& [id, tree] : trees) {
      TRY(convert(tree));
      numbers[id] = book_.add(tree);
    }
    book_.config().records = collector_.records(numbers);
    return {};
  }

  static image::Layers part_of(const image::Layers& image,
                               const std::vector<std::size_t>& numbers) {
    image::Layers part;
    for (const std::size_t number : numbers) {
      part.layers.push_back(image.layers[number]);
      part.created.push_back(image.created[number]);
    }
    return part;
  }

  void remember_remote(ResultId result) {
    if (ops::is_remote(result)) source_.add(context_.imported.tree(result));
  }

  // What is not here stays as it is.
  Result<void> convert(image::Layers& tree) {
    if (target_.compression.empty()) return {};
    const Compression wanted =
        TRY(parse_compression(target_.compression, target_.compression_level));
    for (store::Layer& layer : tree.layers)
      if ((target_.force_compression || !layer.form.empty()) &&
          context_.session.store().has_blob(layer.blob))
        layer = TRY(convert_layer(context_, wanted, layer));
    return {};
  }

  std::vector<oci::Descriptor> blobs() const {
    std::vector<oci::Descriptor> all;
    for (const auto& [digest, layer] : book_.blobs()) {
      oci::Descriptor blob{
          .media_type = image::layer_type(layer.media_type, !target_.oci_media_types),
          .digest = digest,
          .size = layer.size};
      blob.annotations["containerd.io/uncompressed"] = layer.diff_id.text();
      blob.annotations["buildkit/createdat"] = to_rfc3339(book_.created(digest));
      all.push_back(std::move(blob));
    }
    return all;
  }

  oci::Descriptor write_manifest() {
    const oci::Manifest manifest{
        .config = source_.add(oci::to_json(book_.config()), oci::kCacheConfigType),
        .layers = blobs()};
    return source_.add(oci::to_json(manifest), manifest.media_type);
  }

  oci::Descriptor write_index() {
    oci::Index index{
        .media_type = target_.oci_media_types ? oci::kIndexType : oci::kDockerIndexType,
        .manifests = blobs()};
    index.manifests.push_back(source_.add(oci::to_json(book_.config()), oci::kCacheConfigType));
    return source_.add(oci::to_json(index), index.media_type);
  }

  transfer::Place place() const {
    if (target_.kind == CacheKind::kRegistry)
      return {.transport = transfer::Transport::kRegistry, .path = {}, .name = target_.place};
    return {.transport = transfer::Transport::kOciDirectory,
            .path = target_.place,
            .name = target_.tag.empty() ? "latest" : target_.tag};
  }
  transfer::Services services() const {
    return {.store = &context_.session.store(),
            .client = &context_.session.registry(),
            .staging = context_.session.store().path() + "/tmp"};
  }

  const ExportContext& context_;
  const SolvedGraph& solved_;
  const CacheTarget& target_;
  Collector collector_;
  BlobSource source_;
  Book book_;
};

Result<void> export_one(const ExportContext& context, const SolvedGraph& solved,
                        const CacheTarget& target) {
  const std::string where = printable(target.place);
  const std::string step = "export cache " + target.place + " " + target.tag;
  context.steps.started(step, "exporting cache to " + where);
  auto written =
      CacheExport(context, solved, target)
          .run([&](const std::string& what, std::uint64_t bytes, std::uint64_t total, bool done) {
            context.steps.transfer(step, what, bytes, total, done);
          });
  const bool is_warning =
      !written && target.ignore_error && written.error().code != Errc::kCancelled;
  context.steps.finished(step, written || is_warning ? nullptr : &written.error());
  if (is_warning)
    context.steps.send(Warning{
        .text = "exporting cache to " + where + ": " + to_text(written.error()), .file = {}});
  else if (written && !*written)
    context.steps.send(
        Warning{.text = "exporting cache to " + where + ": there is nothing to keep", .file = {}});
  else if (!written)
    return fail(std::move(written).error().in("exporting cache to " + where));
  return {};
}

}  // namespace

Result<std::string> inline_cache(const ExportContext& context, const SolvedGraph& solved,
                                 const image::Layers& layers) {
  Collector collector(context, solved);
  TRY(collector.find_all());
  TRY(collector.find_content_keys());
  oci::CacheConfig config;
  for (std::size_t i = 0; i < layers.layers.size(); ++i)
    config.layers.push_back({.blob = layers.layers[i].blob,
                             .parent = i == 0 ? std::nullopt : std::optional(i - 1),
                             .created = layers.created[i]});
  config.records = collector.records(TRY(vertices_in(context, collector, layers)));
  if (config.records.empty()) return std::string();
  return base64_encode(oci::inline_json(config));
}

Result<void> export_caches(const ExportContext& context, const SolvedGraph& solved) {
  for (const CacheTarget& target : context.request.cache_to)
    if (target.kind != CacheKind::kInline) TRY(export_one(context, solved, target));
  return {};
}

}  // namespace lichen::build
