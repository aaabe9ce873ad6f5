#include "build/blob_source.h"

namespace lichen::build {

BlobSource::BlobSource(store::Store& store, const oci::Descriptor& root)
    : store_(store), stored_(transfer::store_source(store, root)) {
  root_ = root;
}

void BlobSource::add(const ops::RemoteTree& tree) {
  for (const ops::RemoteLayer& layer : tree) remote_.emplace(layer.layer.blob, layer);
}

oci::Descriptor BlobSource::add(std::string bytes, const std::string& media_type) {
  const Digest digest = sha256(bytes);
  const std::uint64_t size = bytes.size();
  documents_[digest] = std::move(bytes);
  return {.media_type = media_type, .digest = digest, .size = size};
}

transfer::Blob BlobSource::blob(const oci::Descriptor& descriptor) {
  if (const auto known = documents_.find(descriptor.digest); known != documents_.end())
    return {.descriptor = descriptor,
            .send = [&bytes = known->second](Sink& to) { return to.write(bytes); },
            .open = [&bytes = known->second]() -> Result<std::unique_ptr<Source>> {
              return std::make_unique<StringSource>(bytes);
            }};
  const auto remote = remote_.find(descriptor.digest);
  if (remote == remote_.end() || store_.has_blob(descriptor.digest))
    return stored_->blob(descriptor);
  return {.descriptor = descriptor, .send = remote->second.send, .open = remote->second.open};
}

Result<std::string> BlobSource::read_document(const oci::Descriptor& descriptor) {
  const auto known = documents_.find(descriptor.digest);
  return known == documents_.end() ? store_.read_blob(descriptor.digest)
                                   : Result<std::string>(known->second);
}

}  // namespace lichen::build
