#include "transfer/layout.h"

#include <algorithm>

#include "base/text.h"
#include "oci/json.h"
#include "oci/reference.h"

namespace lichen::transfer {

namespace {

constexpr char kRefName[] = "org.opencontainers.image.ref.name";
constexpr char kImageName[] = "io.containerd.image.name";

std::string annotation(const oci::Descriptor& entry, const char* key) {
  const auto found = entry.annotations.find(key);
  return found == entry.annotations.end() ? "" : found->second;
}

Result<oci::Index> parse_index(std::string_view bytes) {
  oci::Document document = TRY(oci::parse_document(bytes));
  auto* index = std::get_if<oci::Index>(&document);
  if (index == nullptr) return fail(Errc::kInvalid, "index.json is not an index");
  return std::move(*index);
}

}  // namespace

std::string layout_blob_path(const Digest& digest) {
  return "blobs/sha256/" + digest.hex();
}

Result<std::vector<LayoutEntry>> layout_entries(Files& files) {
  auto bytes = files.read("index.json");
  if (!bytes) return fail(std::move(bytes).error().in("not an OCI image layout"));
  std::vector<LayoutEntry> entries;
  for (oci::Descriptor& descriptor : TRY(parse_index(*bytes)).manifests) {
    LayoutEntry entry{.descriptor = {},
                      .full_name = annotation(descriptor, kImageName),
                      .ref_name = annotation(descriptor, kRefName)};
    for (const char* name : {kRefName, kImageName}) descriptor.annotations.erase(name);
    entry.descriptor = std::move(descriptor);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<oci::Descriptor> find_in_layout(Files& files, const std::string& name) {
  std::vector<oci::Descriptor> found;
  std::vector<std::string> offered;
  for (const LayoutEntry& entry : TRY(layout_entries(files))) {
    const std::string digest = entry.descriptor.digest.text();
    offered.push_back(printable(entry.ref_name.empty() ? digest : entry.ref_name));
    if (name.empty() || name == entry.ref_name || name == entry.full_name || name == digest)
      found.push_back(entry.descriptor);
  }
  const std::string hint = offered.empty() ? "it is empty" : "it has " + join(offered, ", ");
  if (found.empty())
    return fail(Errc::kNotFound, "the layout has no image " + printable(name), hint);
  for (const oci::Descriptor& other : found)
    if (other.digest != found.front().digest)
      return fail(Errc::kInvalid,
                  name.empty() ? "the layout has several images; name one"
                               : "the layout has several images " + printable(name),
                  hint);
  return found.front();
}

LayoutName layout_name(const std::string& text) {
  const auto reference = oci::parse_reference(text);
  return {.full = text, .ref = reference && !reference->tag.empty() ? reference->tag : text};
}

Result<std::string> layout_index(std::string_view earlier, const std::vector<NamedImage>& images) {
  oci::Index index;
  if (!earlier.empty()) index = TRY(parse_index(earlier));
  std::vector<oci::Descriptor> added;
  const auto add = [&](const oci::Descriptor& root, const LayoutName& name) {
    const auto is_replaced = [&](const oci::Descriptor& entry) {
      if (name.ref.empty()) return annotation(entry, kRefName).empty();
      // One layout may hold several repositories' "latest"; the full name tells them apart.
      const std::string full = annotation(entry, kImageName);
      return annotation(entry, kRefName) == name.ref &&
             (full.empty() || name.full.empty() || full == name.full);
    };
    std::erase_if(index.manifests, is_replaced);
    std::erase_if(added, [&](const oci::Descriptor& entry) {
      return is_replaced(entry) && (!name.ref.empty() || entry.digest == root.digest);
    });
    oci::Descriptor entry = root;
    if (!name.full.empty()) entry.annotations[kImageName] = name.full;
    if (!name.ref.empty()) entry.annotations[kRefName] = name.ref;
    added.push_back(std::move(entry));
  };
  for (const NamedImage& image : images) {
    if (image.names.empty()) add(image.root, {});
    for (const LayoutName& name : image.names) add(image.root, name);
  }
  index.manifests.insert(index.manifests.end(), added.begin(), added.end());
  return oci::to_json(index);
}

std::string docker_manifest(const std::vector<DockerImage>& images) {
  std::vector<std::string> entries;
  for (const DockerImage& image : images) {
    std::vector<std::string> layers, tags;
    for (const oci::Descriptor& layer : image.manifest.layers)
      layers.push_back(oci::json::quote(layout_blob_path(layer.digest)));
    for (const std::string& text : image.references) {
      const auto reference = oci::parse_reference(text);
      tags.push_back(oci::json::quote(reference ? oci::familiar_text(*reference) : text));
    }
    entries.push_back(oci::json::ObjectWriter()
                          .text("Config", layout_blob_path(image.manifest.config.digest))
                          .raw("RepoTags", tags.empty() ? "null" : oci::json::array(tags))
                          .raw("Layers", oci::json::array(layers))
                          .finish());
  }
  return oci::json::array(entries);
}

}  // namespace lichen::transfer
