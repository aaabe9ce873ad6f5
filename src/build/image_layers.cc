#include "build/image_layers.h"

#include <algorithm>
#include <charconv>

#include "base/boolean.h"
#include "base/hint.h"
#include "base/text.h"
#include "ops/runner.h"
#include "os/file.h"
#include "transfer/image_source.h"
#include "transfer/recode.h"

namespace lichen::build {

std::string attribute(const Output& output, const std::string& key) {
  const auto found = output.attributes.find(key);
  return found == output.attributes.end() ? "" : found->second;
}

Result<bool> is_set(const Output& output, const std::string& key, bool otherwise) {
  const std::string text = attribute(output, key);
  if (text.empty()) return otherwise;
  auto value = parse_bool(text);
  if (!value) return fail(std::move(value).error().in("--output: " + key));
  return *value;
}

Result<Compression> parse_compression(const std::string& name, const std::string& level) {
  Compression compression;
  if (!name.empty()) {
    if (name != "gzip" && name != "zstd" && name != "uncompressed")
      return fail(Errc::kUnsupported, "compression=" + printable(name) + " is not supported",
                  hint_for(name, {"gzip", "zstd", "uncompressed"}));
    compression.name = name;
  }
  if (level.empty()) return compression;
  const auto [end, error] =
      std::from_chars(level.data(), level.data() + level.size(), compression.level);
  if (error != std::errc() || end != level.data() + level.size())
    return fail(Errc::kInvalid, "compression-level=" + printable(level) + " is not a number");
  return compression;
}

Result<Compression> compression_of(const Request& request) {
  Compression compression;
  for (const Output& output : request.outputs) {
    const std::string name = attribute(output, "compression");
    const std::string level = attribute(output, "compression-level");
    const Compression own = TRY(parse_compression(name, level));
    if (!name.empty()) compression.name = own.name;
    if (!level.empty()) compression.level = own.level;
    if (TRY(is_set(output, "force-compression", false))) compression.forced = true;
  }
  return compression;
}

Result<std::optional<std::int64_t>> epoch_of(const Output& output,
                                             std::optional<std::int64_t> otherwise) {
  const auto found = output.attributes.find("source-date-epoch");
  if (found == output.attributes.end()) return otherwise;
  const std::string& text = found->second;
  if (text.empty()) return std::optional<std::int64_t>();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    return fail(Errc::kInvalid, "--output: source-date-epoch=" + printable(text) +
                                    " is not a number of seconds since 1970");
  return std::optional(seconds);
}

std::optional<std::int64_t> image_epoch(const ExportContext& context) {
  for (const Output& output : context.request.outputs)
    if (is_image(output) && output.attributes.contains("source-date-epoch"))
      return epoch_of(output, {}).value_or(std::nullopt);
  return context.source_date_epoch;
}

std::optional<std::int64_t> clamp_of(const ExportContext& context) {
  for (const Output& output : context.request.outputs)
    if (!is_set(output, "rewrite-timestamp", true).value_or(true)) return std::nullopt;
  return image_epoch(context);
}

namespace {

const char* media_type(const std::string& compression) {
  if (compression == "zstd") return oci::kLayerZstdType;
  if (compression == "uncompressed") return oci::kLayerType;
  return oci::kLayerGzipType;
}

std::string form_of(const Compression& compression) {
  return compression.name + " " + std::to_string(compression.level);
}

archive::Effort effort_of(const ExportContext& context, const Compression& compression) {
  return archive::effort_of(context.request.memory_bytes,
                            transfer::compression_of(media_type(compression.name)),
                            compression.level);
}

}  // namespace

std::string form_of(const ExportContext& context, const Compression& compression) {
  const std::optional<std::int64_t> clamp = clamp_of(context);
  return form_of(compression) + (clamp ? " until " + std::to_string(*clamp) : "");
}

namespace {

// One snapshot's layer as a blob: tar, both digests and compression in one pass, in a worker.
Result<store::Layer> make_layer(const ExportContext& context, const Compression& compression,
                                std::int64_t snapshot) {
  store::Store& store = context.session.store();
  const std::vector<std::int64_t> chain = TRY(store.chain(snapshot));
  const std::int64_t parent = chain.size() > 1 ? chain[chain.size() - 2] : 0;
  const ops::Stack below = TRY(ops::stack_of(store, parent));
  ops::DiffJob job{.tier = context.session.tier(),
                   .fs = store.fs_path(snapshot),
                   .sidecar = store.owners_path(snapshot),
                   .lower = below.lower,
                   .sidecars = below.sidecars,
                   .output = TRY(store.temporary_path()),
                   .compression = compression.name,
                   .level = compression.level,
                   .threads = effort_of(context, compression).threads,
                   .clamp = clamp_of(context),
                   .secrets = {}};
  const SecretGuardMode guard = context.request.secret_guard;
  if (guard != SecretGuardMode::kOff) job.secrets = context.secrets;
  auto reply = context.session.jobs().call<ops::DiffReply>(job);
  if (!reply) {
    (void)os::unlink(job.output);
    return fail(std::move(reply).error());
  }
  if (!reply->secrets.empty()) {
    const std::string what =
        "a layer holds the bytes of the secret " + printable(join(reply->secrets, ", "));
    if (guard == SecretGuardMode::kFail) {
      (void)os::unlink(job.output);
      return fail(Errc::kDenied, what,
                  "a step has written it to a file; --secret-guard=warn lets it pass");
    }
    context.steps.send(Warning{.text = what, .file = {}, .line = 0});
  }
  TRY(store.import_blob(job.output, reply->digest, reply->bytes));
  context.layer_written(reply->bytes);
  return store::Layer{.chain = {},
                      .diff_id = reply->diff_id,
                      .blob = reply->digest,
                      .size = reply->bytes,
                      .media_type = media_type(compression.name),
                      .form = form_of(context, compression)};
}

}  // namespace

Result<image::Layers> layers_of(const ExportContext& context, const Compression& compression,
                                solver::ResultId result) {
  if (!ops::is_remote(result))
    return image::layers_of(context.session.store(), result,
                            {.now = context.now,
                             .form = form_of(context, compression),
                             .clamp = clamp_of(context),
                             .jobs = effort_of(context, compression).layers},
                            [&](std::int64_t id) { return make_layer(context, compression, id); });
  image::Layers layers;
  for (const ops::RemoteLayer& one : context.imported.tree(result)) {
    layers.layers.push_back(one.layer);
    layers.created.push_back(one.created == 0 ? context.now : one.created);
  }
  return layers;
}

Result<store::Layer> convert_layer(const ExportContext& context, const Compression& compression,
                                   const store::Layer& layer) {
  const archive::Compression wanted = transfer::compression_of(media_type(compression.name));
  if (!transfer::is_layer(layer.media_type) || transfer::compression_of(layer.media_type) == wanted)
    return layer;
  store::Store& store = context.session.store();
  const std::string form = form_of(compression);
  if (auto known = TRY(store.find_conversion(layer, form))) return std::move(*known);
  const auto blobs = transfer::store_source(store, {});
  const transfer::Blob recoded = TRY(transfer::recode(
      blobs->blob({.media_type = layer.media_type, .digest = layer.blob, .size = layer.size}),
      {.compression = wanted,
       .level = compression.level,
       .threads = effort_of(context, compression).threads,
       .staging = store.path() + "/tmp"}));
  const auto writer = TRY(store.write_blob());
  TRY(recoded.send(*writer));
  store::Layer made = layer;
  made.blob = TRY(writer->commit(recoded.descriptor.digest, recoded.descriptor.size));
  made.size = recoded.descriptor.size;
  made.media_type = media_type(compression.name);
  made.form = form;
  TRY(store.put_conversion(layer.blob, made));
  return made;
}

}  // namespace lichen::build
