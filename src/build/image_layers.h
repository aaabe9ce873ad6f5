// The layers of what was built, as blobs in the compression that the outputs ask for: made by a
// worker when they are first wanted, known again afterwards.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "build/request.h"
#include "build/session.h"
#include "build/steps.h"
#include "image/assemble.h"
#include "ops/imported.h"
#include "solver/solver.h"

namespace lichen::build {

class Attestations;

// An attribute of an output; "": not given.
std::string attribute(const Output& output, const std::string& key);
Result<bool> is_set(const Output& output, const std::string& key, bool otherwise);

struct Compression {
  std::string name = "gzip";
  int level = -1;
  bool forced = false;  // also for layers that come from elsewhere
};
// "": as it is.
Result<Compression> parse_compression(const std::string& name, const std::string& level);
// One for all image outputs of a build: the layers are made once.
Result<Compression> compression_of(const Request& request);

// source-date-epoch of an output: SOURCE_DATE_EPOCH of the build when it is not given, none when it
// is empty.
Result<std::optional<std::int64_t>> epoch_of(const Output& output,
                                             std::optional<std::int64_t> otherwise);

struct ExportContext {
  Session& session;
  const Request& request;
  const Environment& environment;
  Steps& steps;
  const std::map<std::string, std::string>& secrets;  // id -> bytes
  const ops::ImportedCache& imported;
  std::function<void(std::uint64_t bytes)> layer_written;  // called from several threads
  const std::atomic<std::uint64_t>& packed;                // bytes of such layers
  const Attestations* attestations = nullptr;
  std::optional<std::int64_t> source_date_epoch;
  std::int64_t now = 0;  // seconds since 1970
};
// One time for all images of a build, like the compression.
std::optional<std::int64_t> image_epoch(const ExportContext& context);
// Files' times in layers, with SOURCE_DATE_EPOCH: no later than it, unless rewrite-timestamp=false.
std::optional<std::int64_t> clamp_of(const ExportContext& context);
// All that a layer's bytes depend on beside its files.
std::string form_of(const ExportContext& context, const Compression& compression);

// Of a result that lies elsewhere, what is said of them.
Result<image::Layers> layers_of(const ExportContext& context, const Compression& compression,
                                solver::ResultId result);
// A layer that the store has in another compression, unless it has none at all. Its tar, and so its
// diff id, does not change.
Result<store::Layer> convert_layer(const ExportContext& context, const Compression& compression,
                                   const store::Layer& layer);

}  // namespace lichen::build
