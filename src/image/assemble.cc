#include "image/assemble.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "base/text.h"

namespace lichen::image {

namespace {

// The layer of a snapshot if it is there, in the right form.
Result<std::optional<store::Layer>> find_layer(store::Store& store, std::int64_t snapshot,
                                               const AssembleOptions& options) {
  auto known = TRY(store.find_layer(snapshot));
  if (!known || known->blob.empty()) return std::nullopt;
  if (!known->form.empty() && known->form != options.form)
    return store.find_conversion(*known, options.form);
  if (!store.has_blob(known->blob)) return std::nullopt;
  return known;
}

// The snapshot will be known by the form that is made now; by that one the form of before is found.
Result<store::Layer> make(store::Store& store, std::int64_t snapshot, const MakeLayer& make_layer) {
  const auto before = TRY(store.find_layer(snapshot));
  store::Layer layer = TRY(make_layer(snapshot));
  if (before && !before->form.empty() && before->form != layer.form &&
      before->diff_id == layer.diff_id && !before->blob.empty())
    TRY(store.put_conversion(layer.blob, *before));
  return layer;
}

// A layer that depends on nothing below it is made once for all that show it.
Result<store::Layer> make_linked(store::Store& store, std::int64_t snapshot,
                                 const MakeLayer& make_layer) {
  store::Layer layer = TRY(make(store, snapshot, make_layer));
  layer.chain = oci::chain_id({}, layer.diff_id);
  TRY(store.set_layer(snapshot, layer));
  return layer;
}

// The layers of `chain` (snapshots, lowest first), in order; missing ones are made side by side.
Result<std::vector<store::Layer>> find_or_make(store::Store& store,
                                               const std::vector<std::int64_t>& chain,
                                               const AssembleOptions& options,
                                               const MakeLayer& make_layer) {
  std::vector<store::Layer> layers(chain.size());
  std::vector<std::size_t> missing;
  std::vector<std::optional<std::int64_t>> linked;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto snapshot = TRY(store.find_snapshot(chain[i]));
    linked.push_back(snapshot ? snapshot->linked : std::nullopt);
    auto known = TRY(find_layer(store, chain[i], options));
    if (!known && linked[i]) known = TRY(find_layer(store, *linked[i], options));
    if (known)
      layers[i] = std::move(*known);
    else
      missing.push_back(i);
  }
  std::vector<std::optional<Error>> errors(missing.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t at = next++; at < missing.size(); at = next++) {
      const std::size_t i = missing[at];
      auto layer = linked[i] ? make_linked(store, *linked[i], make_layer)
                             : make(store, chain[i], make_layer);
      if (layer)
        layers[i] = std::move(*layer);
      else
        errors[at] = std::move(layer).error();
    }
  };
  if (missing.size() > 1) {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options.jobs; ++i) threads.emplace_back(work);
    work();
  } else {
    work();
  }
  for (auto& error : errors)
    if (error) return fail(std::move(*error));
  return layers;
}

// When the snapshot was made: its directory gets no new entries afterwards.
std::int64_t created_at(const store::Store& store, std::int64_t snapshot, std::int64_t otherwise) {
  const std::string fs = store.fs_path(snapshot);
  struct ::stat status {};
  if (::stat(fs.substr(0, fs.find_last_of('/')).c_str(), &status) < 0) return otherwise;
  return status.st_mtim.tv_sec;
}

// Fills in the times of this build's entries: of a step its layer's, of the others that of the
// entry before. Returns the last.
std::string fill_in_times(const std::vector<std::int64_t>& created, std::size_t first_layer,
                          const AssembleOptions& options, std::vector<oci::History>& history) {
  std::string last;
  std::size_t layer = first_layer;
  for (oci::History& entry : history) {
    const std::size_t here = layer;
    if (!entry.empty_layer) ++layer;
    if (entry.created.empty()) {
      if (options.source_date_epoch)
        entry.created = to_rfc3339(*options.source_date_epoch);
      else if (!entry.empty_layer)
        entry.created = to_rfc3339(created.at(here));
      else
        entry.created = last.empty() ? to_rfc3339(options.now) : last;
    }
    last = entry.created;
  }
  return last.empty() ? to_rfc3339(options.source_date_epoch.value_or(options.now)) : last;
}

// Records what was made, with the chain ids that only the whole stack gives.
Result<void> remember(store::Store& store, const std::vector<std::int64_t>& chain,
                      std::vector<store::Layer>& layers) {
  Digest above;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    above = oci::chain_id(above, layers[i].diff_id);
    if (layers[i].chain == above) continue;
    layers[i].chain = above;
    TRY(store.set_layer(chain[i], layers[i]));
  }
  return {};
}

std::string docker_type(const std::string& oci_type) {
  if (oci_type == oci::kLayerGzipType) return oci::kDockerLayerGzipType;
  if (oci_type == oci::kLayerType) return oci::kDockerLayerType;
  return oci_type;
}

std::string oci_type(const std::string& any) {
  if (any == oci::kDockerLayerGzipType) return oci::kLayerGzipType;
  if (any == oci::kDockerLayerType) return oci::kLayerType;
  return any;
}

}  // namespace

std::string layer_type(const std::string& any, bool docker) {
  return docker ? docker_type(oci_type(any)) : oci_type(any);
}

Result<Layers> layers_of(store::Store& store, std::int64_t snapshot, const AssembleOptions& options,
                         const MakeLayer& make_layer) {
  const std::vector<std::int64_t> chain =
      snapshot == 0 ? std::vector<std::int64_t>() : TRY(store.chain(snapshot));
  Layers all{.layers = TRY(find_or_make(store, chain, options, make_layer)), .created = {}};
  TRY(remember(store, chain, all.layers));
  // So an image that is built again from the cache has the same digest.
  for (const std::int64_t id : chain) all.created.push_back(created_at(store, id, options.now));
  return all;
}

Result<Assembled> assemble(store::Store& store, const Layers& all, oci::ImageConfig config,
                           const AssembleOptions& options, const ConvertLayer& convert_layer) {
  std::vector<store::Layer> layers = all.layers;
  for (store::Layer& layer : layers)
    if (convert_layer && layer.form.empty()) layer = TRY(convert_layer(layer));

  std::size_t with_layer = 0, own = 0;
  for (const oci::History& entry : config.history) {
    if (entry.empty_layer) continue;
    ++with_layer;
    if (entry.created.empty()) ++own;
  }
  // Images of other tools may lack history altogether; that of our own steps never does.
  if (with_layer > layers.size())
    return fail(Errc::kInternal, "the history tells of " + std::to_string(with_layer) +
                                     " layers, but there are " + std::to_string(layers.size()));

  config.created = fill_in_times(all.created, layers.size() - with_layer, options, config.history);
  config.diff_ids.clear();
  oci::Manifest manifest;
  manifest.media_type = options.docker_media_types ? oci::kDockerManifestType : oci::kManifestType;
  manifest.annotations = options.annotations;
  for (const store::Layer& layer : layers) {
    config.diff_ids.push_back(layer.diff_id);
    manifest.layers.push_back(
        {.media_type = layer_type(layer.media_type, options.docker_media_types),
         .digest = layer.blob,
         .size = layer.size});
  }
  // As BuildKit tells of it; docker's documents have no room for it.
  if (options.clamp && !options.docker_media_types)
    for (std::size_t i = layers.size() - own; i < layers.size(); ++i)
      manifest.layers[i].annotations["buildkit/rewritten-timestamp"] =
          std::to_string(*options.clamp);
  const std::string config_json = oci::to_json(config);
  Assembled assembled;
  assembled.config = TRY(store.put_blob(config_json));
  manifest.config = {
      .media_type = options.docker_media_types ? oci::kDockerConfigType : oci::kConfigType,
      .digest = assembled.config,
      .size = config_json.size()};
  const std::string manifest_json = oci::to_json(manifest);
  assembled.manifest = {.media_type = manifest.media_type,
                        .digest = TRY(store.put_blob(manifest_json)),
                        .size = manifest_json.size()};
  assembled.layers = std::move(manifest.layers);
  return assembled;
}

Result<oci::Descriptor> assemble_index(store::Store& store, std::vector<oci::Descriptor> manifests,
                                       bool docker_media_types,
                                       std::map<std::string, std::string> annotations) {
  const oci::Index index{.media_type = docker_media_types ? oci::kDockerIndexType : oci::kIndexType,
                         .manifests = std::move(manifests),
                         .annotations = std::move(annotations)};
  const std::string json = oci::to_json(index);
  return oci::Descriptor{
      .media_type = index.media_type, .digest = TRY(store.put_blob(json)), .size = json.size()};
}

}  // namespace lichen::image
