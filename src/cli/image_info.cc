#include "cli/image_info.h"

#include <set>

#include "base/text.h"
#include "oci/reference.h"
#include "store/root.h"

namespace lichen::cli {

Result<std::unique_ptr<store::Store>> open_store(const std::string& root) {
  return store::Store::open(TRY(store::choose_root(root)));
}

namespace {

Result<oci::Manifest> read_manifest(store::Store& store, const Digest& digest) {
  oci::Document document = TRY(oci::parse_document(TRY(store.read_blob(digest))));
  if (auto* manifest = std::get_if<oci::Manifest>(&document)) return std::move(*manifest);
  return fail(Errc::kUnsupported, "an index inside an index");
}

}  // namespace

Result<ImageInfo> read_image(store::Store& store, const store::Image& image) {
  ImageInfo info{.image = image, .manifest = {}, .config = {}, .config_json = {}, .manifests = {}};
  const auto read = [&]() -> Result<void> {
    const oci::Document document = TRY(oci::parse_document(TRY(store.read_blob(image.manifest))));
    std::set<Digest> counted;
    const auto count = [&](const oci::Manifest& manifest) {
      for (const oci::Descriptor& layer : manifest.layers)
        if (counted.insert(layer.digest).second) info.bytes += layer.size;
    };
    if (const auto* index = std::get_if<oci::Index>(&document)) {
      if (index->manifests.empty()) return fail(Errc::kInvalid, "the index is empty");
      info.manifests = index->manifests;
      for (const oci::Descriptor& one : index->manifests)
        count(TRY(read_manifest(store, one.digest)));
      const auto own = oci::select(*index, oci::host_platform());
      info.manifest =
          TRY(read_manifest(store, own ? own->digest : index->manifests.front().digest));
    } else {
      info.manifest = std::get<oci::Manifest>(document);
      count(info.manifest);
    }
    info.config_json = TRY(store.read_blob(info.manifest.config.digest));
    info.config = TRY(oci::parse_image_config(info.config_json));
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
