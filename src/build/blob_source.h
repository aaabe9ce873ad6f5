// An image, or a cache, whose blobs are in the store or still elsewhere, as a place to copy from.
#pragma once

#include <map>
#include <string>

#include "ops/imported.h"
#include "store/store.h"
#include "transfer/image_source.h"

namespace lichen::build {

class BlobSource final : public transfer::ImageSource {
 public:
  explicit BlobSource(store::Store& store, const oci::Descriptor& root = {});

  // Where blobs may be had that the store has not.
  void add(const ops::RemoteTree& tree);
  // A document, or a small blob, that is in no store.
  oci::Descriptor add(std::string bytes, const std::string& media_type);
  void set_root(const oci::Descriptor& root) { root_ = root; }

  transfer::Blob blob(const oci::Descriptor& descriptor) override;

 protected:
  Result<std::string> read_document(const oci::Descriptor& descriptor) override;

 private:
  store::Store& store_;
  std::unique_ptr<transfer::ImageSource> stored_;
  std::map<Digest, ops::RemoteLayer> remote_;
  std::map<Digest, std::string> documents_;
};

}  // namespace lichen::build
