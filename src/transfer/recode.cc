#include "transfer/recode.h"

#include <nlohmann/json.hpp>

namespace lichen::transfer {

namespace {

using archive::Compression;

struct LayerType {
  const char* media_type;
  Compression compression;
  bool docker;
};
constexpr LayerType kLayerTypes[] = {
    {oci::kLayerType, Compression::kNone, false},
    {oci::kLayerGzipType, Compression::kGzip, false},
    {oci::kLayerZstdType, Compression::kZstd, false},
    {oci::kDockerLayerType, Compression::kNone, true},
    {oci::kDockerLayerGzipType, Compression::kGzip, true},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd, true}};

const LayerType* find_type(const std::string& media_type) {
  for (const LayerType& type : kLayerTypes)
    if (media_type == type.media_type) return &type;
  return nullptr;
}

Result<std::string> recoded_type(const std::string& media_type, Compression compression) {
  const LayerType* from = find_type(media_type);
  for (const LayerType& type : kLayerTypes)
    if (from != nullptr && type.docker == from->docker && type.compression == compression)
      return std::string(type.media_type);
  return fail(Errc::kUnsupported, "layers cannot be of " + std::string(to_text(compression)));
}

}  // namespace

bool is_layer(const std::string& media_type) {
  return find_type(media_type) != nullptr;
}

Compression compression_of(const std::string& media_type) {
  const LayerType* type = find_type(media_type);
  return type == nullptr ? Compression::kNone : type->compression;
}

Result<Blob> recode(const Blob& layer, const RecodeOptions& options) {
  const Staged staged = TRY(Staged::create(options.staging));
  const auto source = TRY(layer.open());
  HashingSource given(*source);
  const auto plain = TRY(archive::open_decompressor(given));
  const auto file = staged.sink();
  HashingSink hash(file.get());
  const auto compressor =
      TRY(archive::make_compressor(options.compression, options.level, options.threads, hash));
  (void)TRY(copy(*plain, *compressor));
  TRY(compressor->close());
  if (TRY(given.drain()) != layer.descriptor.digest)
    return fail(Errc::kCorrupt, layer.descriptor.digest.text() + " is damaged");
  return Blob{.descriptor = {.media_type = TRY(
                                 recoded_type(layer.descriptor.media_type, options.compression)),
                             .digest = hash.digest(),
                             .size = hash.bytes()},
              .send = [staged](Sink& to) -> Result<void> {
                (void)TRY(copy(*staged.source(), to));
                return {};
              },
              .open = [staged]() -> Result<std::unique_ptr<Source>> { return staged.source(); }};
}

Result<std::string> replace_descriptors(const std::string& document,
                                        const Replacements& replacements) {
  // Checked by parse_document before, so it is JSON of the right shape; the order of members stays.
  auto json = nlohmann::ordered_json::parse(document, nullptr, false);
  if (json.is_discarded()) return fail(Errc::kCorrupt, "a document is not JSON");
  bool changed = false;
  for (const char* list : {"layers", "manifests"}) {
    if (!json.contains(list)) continue;
    for (auto& entry : json[list]) {
      const auto digest = Digest::parse(entry.value("digest", ""));
      const auto found = digest ? replacements.find(*digest) : replacements.end();
      if (found == replacements.end()) continue;
      changed = true;
      entry["mediaType"] = found->second.media_type;
      entry["digest"] = found->second.digest.text();
      entry["size"] = found->second.size;
    }
  }
  if (!changed) return document;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace lichen::transfer
