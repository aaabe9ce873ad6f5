#include "cli/image_info.h"

#include "base/text.h"
#include "oci/reference.h"
#include "store/root.h"

namespace lichen::cli {

Result<std::unique_ptr<store::Store>> open_store(const std::string& root) {
  return store::Store::open(TRY(store::choose_root(root)));
}

Result<ImageInfo> read_image(store::Store& store, const store::Image& image) {
  ImageInfo info{.image = image, .manifest = {}, .config = {}, .config_json = {}};
  const auto read = [&]() -> Result<void> {
    const oci::Document document = TRY(oci::parse_document(TRY(store.read_blob(image.manifest))));
    const auto* manifest = std::get_if<oci::Manifest>(&document);
    if (manifest == nullptr)
      return fail(Errc::kUnsupported, "an image for several platforms is not supported yet");
    info.manifest = *manifest;
    info.config_json = TRY(store.read_blob(manifest->config.digest));
    info.config = TRY(oci::parse_image_config(info.config_json));
    for (const oci::Descriptor& layer : manifest->layers) info.bytes += layer.size;
    return {};
  };
  auto done = read();
  if (!done) return fail(std::move(done).error().in(image.name));
  return info;
}

Result<store::Image> find_image(store::Store& store, const std::string& name) {
  auto found = TRY(store.find_image(name));
  if (!found)
    return fail(Errc::kNotFound, "no such image: " + name,
                "`lichen images` lists the images in this store");
  return std::move(*found);
}

bool is_untagged(const store::Image& image) {
  return image.name == image.manifest.text();
}

ShownName shown_name(const std::string& name) {
  if (Digest::parse(name)) return {};
  auto reference = oci::parse_reference(name);
  if (!reference) return {.repository = name};
  ShownName shown;
  if (!reference->tag.empty()) shown.tag = reference->tag;
  // A name without its tag would be given ":latest"; cut it from the text instead.
  oci::Reference tagged = std::move(*reference);
  tagged.digest = {};
  tagged.tag = std::string(1, 't');
  const std::string text = oci::familiar_text(tagged);
  shown.repository = text.substr(0, text.size() - 2);
  return shown;
}

std::vector<std::string> names_of(const std::vector<store::Image>& all, const store::Image& image) {
  std::vector<std::string> names;
  for (const store::Image& other : all) {
    if (other.manifest != image.manifest || is_untagged(other)) continue;
    const auto reference = oci::parse_reference(other.name);
    names.push_back(reference ? oci::familiar_text(*reference) : other.name);
  }
  return names;
}

}  // namespace lichen::cli
