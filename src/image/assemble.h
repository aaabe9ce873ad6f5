// An image out of a config and the snapshots below it: manifest and config as blobs of the store.
//
//   const Layers layers = TRY(layers_of(store, snapshot, {…}, make_layer));
//   Assembled image = TRY(assemble(store, layers, config, {…}));
//
// Layers that the store already knows as blobs (the base image's, and those made before) are used
// as they are; the others are made through `make_layer`, several at once. A layer that is made in
// another form than before is found in either.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "store/store.h"

namespace lichen::image {

struct Assembled {
  oci::Descriptor manifest;
  Digest config;
  std::vector<oci::Descriptor> layers;  // lowest first
};

struct AssembleOptions {
  std::optional<std::int64_t> source_date_epoch;
  std::int64_t now = 0;  // seconds since 1970: `created`, unless there is an epoch
  bool docker_media_types = false;
  std::map<std::string, std::string> annotations;  // of the manifest
  std::string form;  // store::Layer::form of what make_layer makes: others of ours are made anew
  std::optional<std::int64_t> clamp;  // no file of this build's layers is later: an annotation
  unsigned jobs = 2;
};

// Makes the blob of one snapshot's layer and records it in the store.
using MakeLayer = std::function<Result<store::Layer>(std::int64_t snapshot)>;
// What a layer from elsewhere shall be instead: the same one, compressed in another way.
using ConvertLayer = std::function<Result<store::Layer>(const store::Layer& layer)>;

struct Layers {
  std::vector<store::Layer> layers;   // lowest first, with their chain ids
  std::vector<std::int64_t> created;  // of each, in seconds since 1970
};
// `snapshot` 0: none. Missing ones are made.
Result<Layers> layers_of(store::Store& store, std::int64_t snapshot, const AssembleOptions& options,
                         const MakeLayer& make_layer);

// `config.diff_ids` is filled in; `config.history` must have as many entries with a layer as there
// are layers.
Result<Assembled> assemble(store::Store& store, const Layers& layers, oci::ImageConfig config,
                           const AssembleOptions& options, const ConvertLayer& convert_layer = {});

// A layer's media type in OCI's documents, or docker's, whichever it has. zstd is OCI's alone.
std::string layer_type(const std::string& any, bool docker);

// An index of images for several platforms, as a blob of the store. Each of `manifests` has its
// platform.
Result<oci::Descriptor> assemble_index(store::Store& store, std::vector<oci::Descriptor> manifests,
                                       bool docker_media_types,
                                       std::map<std::string, std::string> annotations);

}  // namespace lichen::image
