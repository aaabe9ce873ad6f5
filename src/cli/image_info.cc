#include "cli/image_info.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/rfc3339.h"
#include "base/text.h"
#include "oci/reference.h"
#include "store/root.h"

namespace lichen::cli {

Result<std::unique_ptr<store::Store>> open_store(const std::string& root) {
  return store::Store::open(TRY(store::choose_root(root)));
}

namespace {

Result<oci::Manifest> read_manifest(transfer::ImageSource& source, const oci::Descriptor& one) {
  oci::Document document = TRY(oci::parse_document(TRY(source.document(one))));
  if (auto* manifest = std::get_if<oci::Manifest>(&document)) return std::move(*manifest);
  return fail(Errc::kUnsupported, "an index inside an index");
}

// The image for `platform`, or else the first.
Result<oci::Descriptor> shown_of(const oci::Index& index, const oci::Platform& platform) {
  if (index.manifests.empty()) return fail(Errc::kInvalid, "the index is empty");
  return oci::select(index, platform).value_or(index.manifests.front());
}

}  // namespace

Result<ImageInfo> read_image(transfer::ImageSource& source, const oci::Platform& platform,
                             bool count_all) {
  const oci::Descriptor& root = source.root();
  ImageInfo info{.image = {.manifest = root.digest, .size = root.size}};
  const oci::Document document = TRY(oci::parse_document(TRY(source.document(root))));
  info.image.media_type =
      std::visit([](const auto& parsed) { return parsed.media_type; }, document);
  std::set<Digest> counted;
  const auto count = [&](const oci::Manifest& manifest) {
    for (const oci::Descriptor& layer : manifest.layers)
      if (counted.insert(layer.digest).second) info.bytes += layer.size;
  };
  if (const auto* index = std::get_if<oci::Index>(&document)) {
    info.manifests = index->manifests;
    info.manifest = TRY(read_manifest(source, TRY(shown_of(*index, platform))));
    count(info.manifest);
    if (count_all)
      for (const oci::Descriptor& one : index->manifests) count(TRY(read_manifest(source, one)));
  } else {
    info.manifest = std::get<oci::Manifest>(document);
    info.image.config = info.manifest.config.digest;
    count(info.manifest);
  }
  info.config_json = TRY(transfer::read_config(source, info.manifest));
  info.config = TRY(oci::parse_image_config(info.config_json));
  return info;
}

Result<ImageInfo> read_image(store::Store& store, const store::Image& image) {
  const auto source = transfer::store_source(
      store, {.media_type = image.media_type, .digest = image.manifest, .size = image.size});
  auto info = read_image(*source, oci::host_platform(), true);
  if (!info) return fail(std::move(info).error().in(image.name));
  info->image = image;
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

std::vector<store::Image> without_named(std::vector<store::Image> all) {
  std::set<Digest> named;
  for (const store::Image& image : all)
    if (!is_untagged(image)) named.insert(image.id());
  std::erase_if(all, [&](const store::Image& image) {
    return is_untagged(image) && named.contains(image.id());
  });
  return all;
}

void sort_by_age(std::vector<ImageInfo>& images) {
  const auto time_of = [](const ImageInfo& info) {
    return std::make_tuple(parse_rfc3339(info.config.created), info.image.created);
  };
  std::stable_sort(images.begin(), images.end(),
                   [&](const ImageInfo& a, const ImageInfo& b) { return time_of(a) > time_of(b); });
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
