#include "image/attestation.h"

#include "oci/json.h"

namespace lichen::image {

namespace json = oci::json;

namespace {

constexpr char kArtifactType[] = "application/vnd.docker.attestation.manifest.v1+json";
constexpr char kEmptyType[] = "application/vnd.oci.empty.v1+json";

std::string text_of(const oci::Descriptor& descriptor) {
  return json::ObjectWriter()
      .text("mediaType", descriptor.media_type)
      .text("digest", descriptor.digest.text())
      .raw("size", std::to_string(descriptor.size))
      .map_unless_empty("annotations", descriptor.annotations)
      .finish();
}

Result<oci::Descriptor> put(store::Store& store, const std::string& media_type,
                            const std::string& bytes) {
  return oci::Descriptor{
      .media_type = media_type, .digest = TRY(store.put_blob(bytes)), .size = bytes.size()};
}

// An image for no platform, whose layers are the statements.
std::string image_config(const std::vector<oci::Descriptor>& layers) {
  std::vector<std::string> diff_ids;
  for (const oci::Descriptor& layer : layers) diff_ids.push_back(json::quote(layer.digest.text()));
  return json::ObjectWriter()
      .text("architecture", "unknown")
      .text("os", "unknown")
      .raw("config", "{}")
      .raw("rootfs", json::ObjectWriter()
                         .text("type", "layers")
                         .raw("diff_ids", json::array(diff_ids))
                         .finish())
      .finish();
}

}  // namespace

Result<oci::Descriptor> assemble_attestation(store::Store& store, const oci::Descriptor& about,
                                             const std::vector<AttestationBlob>& blobs,
                                             AttestationForm form) {
  std::vector<oci::Descriptor> layers;
  std::vector<std::string> layer_texts;
  for (const AttestationBlob& blob : blobs) {
    layers.push_back(TRY(put(store, blob.media_type, blob.bytes)));
    layers.back().annotations["in-toto.io/predicate-type"] = blob.predicate_type;
    layer_texts.push_back(text_of(layers.back()));
  }
  const bool is_artifact = form == AttestationForm::kArtifact;
  const bool is_docker = form == AttestationForm::kDockerImage;
  const oci::Descriptor config =
      is_artifact ? TRY(put(store, kEmptyType, "{}"))
                  : TRY(put(store, is_docker ? oci::kDockerConfigType : oci::kConfigType,
                            image_config(layers)));
  const std::string type = is_docker ? oci::kDockerManifestType : oci::kManifestType;
  json::ObjectWriter manifest;
  manifest.raw("schemaVersion", "2").text("mediaType", type);
  if (is_artifact) manifest.text("artifactType", kArtifactType);
  manifest.raw("config", text_of(config)).raw("layers", json::array(layer_texts));
  if (is_artifact)
    manifest.raw(
        "subject",
        text_of({.media_type = about.media_type, .digest = about.digest, .size = about.size}));
  oci::Descriptor made = TRY(put(store, type, manifest.finish()));
  made.annotations = {{"vnd.docker.reference.digest", about.digest.text()},
                      {"vnd.docker.reference.type", "attestation-manifest"}};
  made.platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  return made;
}

}  // namespace lichen::image
