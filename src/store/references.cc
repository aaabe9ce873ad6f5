#include "store/references.h"

#include "oci/types.h"
#include "os/file.h"
#include "store/db.h"
#include "store/store.h"

namespace lichen::store {

namespace {

constexpr int kMaxIndexDepth = 4;
const std::set<Digest> kNothing;

// `digest` and, when it is a manifest or an index of the store, all that it names. What cannot be
// read names nothing.
void add_document(const Store& store, const Digest& digest, std::set<Digest>& documents,
                  std::set<Digest>& layers, int depth = 0) {
  if (digest.empty() || !documents.insert(digest).second || depth > kMaxIndexDepth) return;
  // Read in place: it is no use of the blob.
  const auto bytes = os::read_file(store.blob_path(digest), oci::kMaxDocumentBytes);
  if (!bytes) return;
  const auto document = oci::parse_document(*bytes);
  if (!document) return;
  if (const auto* index = std::get_if<oci::Index>(&*document)) {
    for (const oci::Descriptor& manifest : index->manifests)
      add_document(store, manifest.digest, documents, layers, depth + 1);
    return;
  }
  const auto& manifest = std::get<oci::Manifest>(*document);
  documents.insert(manifest.config.digest);
  for (const oci::Descriptor& layer : manifest.layers) layers.insert(layer.digest);
}

const std::set<Digest>& find_in(const std::map<std::string, std::set<Digest>>& map,
                                const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? kNothing : found->second;
}

}  // namespace

std::string source_key(const std::string& reference, const std::string& platform) {
  return reference + " " + platform;
}

Result<References> References::load(const Store& store, Database& db) {
  References references;
  for (const Row& row : TRY(db.query("SELECT name, manifest FROM images"))) {
    std::set<Digest>& all = references.images_[text(row[0])];
    std::set<Digest> layers;
    if (const auto digest = Digest::parse(text(row[1]))) add_document(store, *digest, all, layers);
    all.merge(layers);
    references.of_images_.insert(all.begin(), all.end());
    references.add(all);
  }
  for (const Row& row : TRY(db.query("SELECT reference, platform, digest FROM resolutions"))) {
    const std::string key = source_key(text(row[0]), text(row[1]));
    std::set<Digest>& documents = references.sources_[key];
    std::set<Digest>& layers = references.source_layers_[key];
    if (const auto digest = Digest::parse(text(row[2])))
      add_document(store, *digest, documents, layers);
    references.of_sources_.insert(documents.begin(), documents.end());
    references.of_sources_.insert(layers.begin(), layers.end());
    references.add(documents);
  }
  for (const Row& row : TRY(db.query("SELECT snapshot, blob FROM layers"))) {
    const auto digest = Digest::parse(text(row[1]));
    if (!digest) continue;
    references.layers_[number(row[0])] = *digest;
    references.add({*digest});
  }
  return references;
}

const std::set<Digest>& References::of_image(const std::string& name) const {
  return find_in(images_, name);
}

const std::set<Digest>& References::of_source(const std::string& key) const {
  return find_in(sources_, key);
}

const std::set<Digest>& References::layers_of_source(const std::string& key) const {
  return find_in(source_layers_, key);
}

Digest References::of_snapshot(std::int64_t id) const {
  const auto found = layers_.find(id);
  return found == layers_.end() ? Digest() : found->second;
}

void References::add(const std::set<Digest>& blobs) {
  for (const Digest& blob : blobs) ++counts_[blob];
}

std::vector<Digest> References::take_off(const std::set<Digest>& blobs) {
  std::vector<Digest> free;
  for (const Digest& blob : blobs) {
    const auto count = counts_.find(blob);
    if (count == counts_.end() || --count->second != 0) continue;
    counts_.erase(count);
    free.push_back(blob);
  }
  return free;
}

std::vector<Digest> References::drop_image(const std::string& name) {
  const auto node = images_.extract(name);
  return node ? take_off(node.mapped()) : std::vector<Digest>();
}

std::vector<Digest> References::drop_source(const std::string& key) {
  const auto node = sources_.extract(key);
  return node ? take_off(node.mapped()) : std::vector<Digest>();
}

std::vector<Digest> References::drop_snapshot(std::int64_t id) {
  const auto node = layers_.extract(id);
  return node ? take_off({node.mapped()}) : std::vector<Digest>();
}

}  // namespace lichen::store
