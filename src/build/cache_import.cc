#include "build/cache_import.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/base64.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "oci/cache_config.h"
#include "oci/reference.h"
#include "transfer/image_source.h"
#include "transfer/recode.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMaxImages = 64;  // of one index

// One document of records, and where the blobs are that it tells of.
struct Cache {
  std::shared_ptr<transfer::ImageSource> source;
  oci::CacheConfig config;
  std::map<Digest, oci::Descriptor> blobs;
};

std::string annotation(const oci::Descriptor& blob, const char* key) {
  const auto found = blob.annotations.find(key);
  return found == blob.annotations.end() ? "" : found->second;
}

Result<ops::RemoteLayer> remote_layer(const Cache& cache, const oci::CacheLayer& layer,
                                      const Digest& below) {
  const auto found = cache.blobs.find(layer.blob);
  if (found == cache.blobs.end())
    return fail(Errc::kCorrupt, "the cache does not list " + layer.blob.text());
  const oci::Descriptor& blob = found->second;
  if (!transfer::is_layer(blob.media_type))
    return fail(Errc::kCorrupt, "the cache calls a " + printable(blob.media_type) + " a layer");
  Digest diff_id = layer.diff_id;
  if (diff_id.empty()) diff_id = TRY(Digest::parse(annotation(blob, "containerd.io/uncompressed")));
  std::int64_t created = layer.created;
  if (created == 0) created = parse_rfc3339(annotation(blob, "buildkit/createdat")).value_or(0);
  const transfer::Blob from = cache.source->blob(blob);
  return ops::RemoteLayer{.layer = {.chain = oci::chain_id(below, diff_id),
                                    .diff_id = diff_id,
                                    .blob = blob.digest,
                                    .size = blob.size,
                                    .media_type = blob.media_type},
                          .created = created,
                          .send = from.send,
                          .open = from.open};
}

void add_records(Session& session, const std::shared_ptr<const Cache>& cache,
                 ops::ImportedCache& imported) {
  // A push to another repository of the registry need not fetch what is sent.
  if (const oci::Reference from = cache->source->repository(); !from.domain.empty())
    for (const auto& [digest, blob] : cache->blobs) session.registry().remember_blob(from, digest);
  for (const oci::CacheRecord& record : cache->config.records) {
    if (record.trees.empty()) continue;
    imported.add(record.key, [cache, &tree = record.trees.front()]() -> Result<ops::RemoteTree> {
      ops::RemoteTree layers;
      for (const std::size_t number : tree)
        layers.push_back(TRY(remote_layer(*cache, cache->config.layers[number],
                                          layers.empty() ? Digest() : layers.back().layer.chain)));
      return layers;
    });
  }
}

Result<std::string> read_blob(transfer::ImageSource& source, const oci::Descriptor& blob) {
  return transfer::read_config(source, oci::Manifest{.config = blob});
}

Result<void> read_exported(Session& session, const std::shared_ptr<transfer::ImageSource>& source,
                           const oci::Descriptor& config, const std::vector<oci::Descriptor>& blobs,
                           ops::ImportedCache& imported) {
  auto cache = std::make_shared<Cache>(
      Cache{.source = source,
            .config = TRY(oci::parse_cache_config(TRY(read_blob(*source, config)))),
            .blobs = {}});
  for (const oci::Descriptor& blob : blobs) cache->blobs.emplace(blob.digest, blob);
  add_records(session, cache, imported);
  return {};
}

// Of an image whose config has records about its layers. False: it has none.
Result<bool> read_inline(Session& session, const std::shared_ptr<transfer::ImageSource>& source,
                         const oci::Manifest& manifest, ops::ImportedCache& imported) {
  const std::string bytes = TRY(read_blob(*source, manifest.config));
  const auto text = TRY(oci::find_text_member(bytes, oci::kInlineCacheMember));
  if (!text) return false;
  const auto records = base64_decode(*text);
  if (!records) return fail(Errc::kInvalid, "the inline cache is no base64");
  const oci::ImageConfig config = TRY(oci::parse_image_config(bytes));
  const std::size_t count = manifest.layers.size();
  if (config.diff_ids.size() != count)
    return fail(Errc::kCorrupt, "the image's config lists other layers than its manifest");
  auto cache = std::make_shared<Cache>(Cache{
      .source = source, .config = TRY(oci::parse_inline_cache(*records, count)), .blobs = {}});
  for (std::size_t i = 0; i < count; ++i) {
    cache->blobs.emplace(manifest.layers[i].digest, manifest.layers[i]);
    cache->config.layers[i].blob = manifest.layers[i].digest;
    cache->config.layers[i].diff_id = config.diff_ids[i];
  }
  // The history tells when the upper layers were made; that of the lowest may be missing.
  std::size_t layer = count;
  for (auto entry = config.history.rbegin(); entry != config.history.rend() && layer > 0; ++entry)
    if (!entry->empty_layer)
      cache->config.layers[--layer].created = parse_rfc3339(entry->created).value_or(0);
  add_records(session, cache, imported);
  return true;
}

Result<void> read_images(Session& session, const std::shared_ptr<transfer::ImageSource>& source,
                         const std::vector<oci::Descriptor>& manifests,
                         ops::ImportedCache& imported) {
  bool any = false;
  if (manifests.size() > kMaxImages) return fail(Errc::kInvalid, "too many images in one index");
  for (const oci::Descriptor& one : manifests) {
    const oci::Document document = TRY(oci::parse_document(TRY(source->document(one))));
    const auto* manifest = std::get_if<oci::Manifest>(&document);
    // Attestations have configs without a word about layers, too.
    if (manifest != nullptr && TRY(read_inline(session, source, *manifest, imported))) any = true;
  }
  if (!any)
    return fail(Errc::kNotFound, "there is no cache in it",
                "it is an image that was built without --cache-to type=inline");
  return {};
}

Result<void> read_cache(Session& session, const std::shared_ptr<transfer::ImageSource>& source,
                        ops::ImportedCache& imported) {
  const oci::Document document = TRY(oci::parse_document(TRY(source->document(source->root()))));
  if (const auto* manifest = std::get_if<oci::Manifest>(&document)) {
    if (manifest->config.media_type == oci::kCacheConfigType)
      return read_exported(session, source, manifest->config, manifest->layers, imported);
    return read_images(session, source, {source->root()}, imported);
  }
  const std::vector<oci::Descriptor>& entries = std::get<oci::Index>(document).manifests;
  const auto config = std::find_if(
      entries.begin(), entries.end(),
      [](const oci::Descriptor& entry) { return entry.media_type == oci::kCacheConfigType; });
  if (config != entries.end()) return read_exported(session, source, *config, entries, imported);
  return read_images(session, source, entries, imported);
}

Result<std::shared_ptr<transfer::ImageSource>> open(Session& session, const CacheSource& source) {
  const transfer::Services services{.store = &session.store(),
                                    .client = &session.registry(),
                                    .staging = session.store().path() + "/tmp"};
  if (source.kind == CacheKind::kRegistry)
    return TRY(transfer::open_source(
        {.transport = transfer::Transport::kRegistry, .path = {}, .name = source.place}, services));
  return TRY(transfer::open_source({.transport = transfer::Transport::kOciDirectory,
                                    .path = source.place,
                                    .name = source.tag.empty() ? "latest" : source.tag},
                                   services));
}

Result<void> import_one(Session& session, const CacheSource& source, ops::ImportedCache& imported) {
  const auto opened = TRY(open(session, source));
  return read_cache(session, opened, imported);
}

}  // namespace

Result<void> import_caches(Session& session, const std::vector<CacheSource>& sources, Steps& steps,
                           ops::ImportedCache& imported) {
  for (const CacheSource& source : sources) {
    const std::string step = "import " + source.place + " " + source.tag;
    const std::string name = "importing cache from " + printable(source.place);
    steps.started(step, name);
    const auto read = import_one(session, source, imported);
    steps.finished(step, read ? nullptr : &read.error());
    if (!read && read.error().code == Errc::kCancelled) return fail(Error(read.error()));
    if (!read)
      steps.send(Warning{.text = name + ": " + to_text(read.error()) + "; going on without it",
                         .file = {}});
  }
  return {};
}

}  // namespace lichen::build
