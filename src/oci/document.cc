// Manifests and indexes, OCI and Docker schema 2.
#include <algorithm>

#include "base/text.h"
#include "oci/json.h"
#include "oci/platform_match.h"
#include "oci/types.h"

namespace lichen::oci {

namespace {

using json::Node;

Result<Platform> read_platform(const Node& node) {
  return Platform{.os = TRY(TRY(node.member("os")).text()),
                  .architecture = TRY(TRY(node.member("architecture")).text()),
                  .variant = TRY(TRY(node.member("variant")).text()),
                  .os_version = TRY(TRY(node.member("os.version")).text())};
}

Result<Descriptor> read_descriptor(const Node& node) {
  if (node.absent()) return fail(node.wrong("a descriptor is missing"));
  const Node media_type = TRY(node.member("mediaType"));
  const Node size = TRY(node.member("size"));
  const Node platform = TRY(node.member("platform"));
  Descriptor descriptor;
  descriptor.media_type = TRY(media_type.text());
  if (descriptor.media_type.empty()) return fail(media_type.wrong("a media type is missing"));
  descriptor.digest = TRY(TRY(node.member("digest")).digest());
  if (size.absent()) return fail(size.wrong("a size is missing"));
  descriptor.size = static_cast<std::uint64_t>(TRY(size.integer(0, INT64_MAX)));
  descriptor.annotations = TRY(TRY(node.member("annotations")).text_map());
  if (!platform.absent()) descriptor.platform = TRY(read_platform(platform));
  return descriptor;
}

Result<std::vector<Descriptor>> read_descriptors(const Node& node) {
  std::vector<Descriptor> all;
  for (const Node& item : TRY(node.items())) all.push_back(TRY(read_descriptor(item)));
  return all;
}

std::string write(const Platform& platform) {
  return json::ObjectWriter()
      .text("architecture", platform.architecture)
      .text("os", platform.os)
      .text_unless_empty("os.version", platform.os_version)
      .text_unless_empty("variant", platform.variant)
      .finish();
}

std::string write(const Descriptor& descriptor) {
  json::ObjectWriter writer;
  writer.text("mediaType", descriptor.media_type)
      .text("digest", descriptor.digest.text())
      .raw("size", std::to_string(descriptor.size))
      .map_unless_empty("annotations", descriptor.annotations);
  if (descriptor.platform) writer.raw("platform", write(*descriptor.platform));
  return writer.finish();
}

std::string write(const std::vector<Descriptor>& descriptors) {
  std::vector<std::string> texts;
  for (const Descriptor& descriptor : descriptors) texts.push_back(write(descriptor));
  return json::array(texts);
}

}  // namespace

Result<Document> parse_document(std::string_view bytes) {
  const json::Value document = TRY(json::parse(bytes, "manifest"));
  const Node root("manifest", document);
  if (!document.is_object()) return fail(root.wrong("want an object"));

  const auto version = TRY(TRY(root.member("schemaVersion")).integer(0, INT64_MAX));
  if (version == 1)
    return fail(Errc::kUnsupported, "the image has Docker's old schema 1 manifest",
                "pull it with a tool that knows schema 1 and push it again");
  if (version != 2)
    return fail(Errc::kInvalid, "manifest.schemaVersion: want 2, found " + std::to_string(version));

  const Node manifests = TRY(root.member("manifests"));
  const Node layers = TRY(root.member("layers"));
  const Node config = TRY(root.member("config"));
  std::string media_type = TRY(TRY(root.member("mediaType")).text());
  // Two readers must never see two different images in the same bytes (CVE-2021-41190).
  if (!manifests.absent() && (!layers.absent() || !config.absent()))
    return fail(root.wrong("is both a manifest and an index"));
  if (media_type.empty()) media_type = manifests.absent() ? kManifestType : kIndexType;

  if (media_type == kIndexType || media_type == kDockerIndexType) {
    if (manifests.absent()) return fail(manifests.wrong("an index must have it"));
    Index index{.media_type = media_type};
    index.manifests = TRY(read_descriptors(manifests));
    index.annotations = TRY(TRY(root.member("annotations")).text_map());
    return index;
  }
  if (media_type == kManifestType || media_type == kDockerManifestType) {
    if (!manifests.absent()) return fail(manifests.wrong("a manifest must not have it"));
    Manifest manifest{.media_type = media_type};
    manifest.config = TRY(read_descriptor(config));
    manifest.layers = TRY(read_descriptors(layers));
    manifest.annotations = TRY(TRY(root.member("annotations")).text_map());
    return manifest;
  }
  return fail(Errc::kUnsupported,
              "manifest.mediaType: " + printable(media_type) + " is not an image or an index");
}

std::string to_json(const Manifest& manifest) {
  return json::ObjectWriter()
      .raw("schemaVersion", "2")
      .text("mediaType", manifest.media_type)
      .raw("config", write(manifest.config))
      .raw("layers", write(manifest.layers))
      .map_unless_empty("annotations", manifest.annotations)
      .finish();
}

std::string to_json(const Index& index) {
  return json::ObjectWriter()
      .raw("schemaVersion", "2")
      .text("mediaType", index.media_type)
      .raw("manifests", write(index.manifests))
      .map_unless_empty("annotations", index.annotations)
      .finish();
}

Result<Descriptor> select(const Index& index, const Platform& platform) {
  const Descriptor* best = nullptr;
  int best_rank = 0;
  std::vector<const Descriptor*> unlabelled;
  std::vector<std::string> offered;
  for (const Descriptor& entry : index.manifests) {
    if (!entry.platform) {
      unlabelled.push_back(&entry);
      continue;
    }
    const std::string text = printable(to_text(*entry.platform));
    if (entry.platform->os == "unknown" || entry.platform->architecture == "unknown") continue;
    if (std::find(offered.begin(), offered.end(), text) == offered.end()) offered.push_back(text);
    const int rank = match_rank(platform, *entry.platform);
    if (rank > best_rank) {
      best = &entry;
      best_rank = rank;
    }
  }
  // An index that names no platform at all holds one image for every platform.
  if (best == nullptr && offered.empty() && unlabelled.size() == 1) best = unlabelled.front();
  if (best != nullptr) return *best;
  return fail(
      Errc::kNotFound, "no image for platform " + to_text(platform),
      offered.empty() ? "the index names no platform" : "the index has: " + join(offered, ", "));
}

Digest chain_id(const Digest& parent, const Digest& diff_id) {
  return parent.empty() ? diff_id : sha256(parent.text() + " " + diff_id.text());
}

}  // namespace lichen::oci
