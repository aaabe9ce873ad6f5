#include "store/contents.h"

#include <set>

namespace lichen::store {

namespace {

constexpr int kMaxIndexDepth = 4;

class Walk {
 public:
  explicit Walk(Store& store) : store_(store) {}

  Result<void> add(const oci::Descriptor& document, int depth = 0) {
    if (depth > kMaxIndexDepth)
      return fail(Errc::kCorrupt, document.digest.text() + ": indexes in too many indexes");
    if (!seen_.insert(document.digest).second) return {};
    const oci::Document parsed = TRY(oci::parse_document(TRY(store_.read_blob(document.digest))));
    if (const auto* index = std::get_if<oci::Index>(&parsed)) {
      for (const oci::Descriptor& manifest : index->manifests) TRY(add(manifest, depth + 1));
    } else {
      const auto& manifest = std::get<oci::Manifest>(parsed);
      add_blob(manifest.config);
      for (const oci::Descriptor& layer : manifest.layers) add_blob(layer);
    }
    contents_.documents.push_back(document);
    return {};
  }
  Contents take() { return std::move(contents_); }

 private:
  void add_blob(const oci::Descriptor& blob) {
    if (seen_.insert(blob.digest).second) contents_.blobs.push_back(blob);
  }

  Store& store_;
  std::set<Digest> seen_;
  Contents contents_;
};

}  // namespace

Result<Contents> contents_of(Store& store, const oci::Descriptor& root) {
  Walk walk(store);
  TRY(walk.add(root));
  return walk.take();
}

}  // namespace lichen::store
