// An image where it is now: one way to read from all places.
//
//   const auto from = TRY(open_source(place, {.store = …, .client = …, .staging = …}));
//   const std::string manifest = TRY(from->document(from->root()));
//   TRY(from->blob(layer).send(sink));
//
// Documents are checked against their digests here, a blob's bytes by who takes them. Thread-safe
// once open. What a source borrows must outlive it and the blobs it gives.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "oci/types.h"
#include "registry/client.h"
#include "store/store.h"
#include "transfer/files.h"
#include "transfer/place.h"

namespace lichen::transfer {

// What places of their kinds need; the others may be null.
struct Services {
  store::Store* store = nullptr;
  registry::Client* client = nullptr;
  std::string staging;  // a directory for files without a name
  int output_fd = -1;   // where an archive "-" goes
};

// A blob that can be had in the way that suits the taker.
struct Blob {
  oci::Descriptor descriptor;
  std::function<Result<void>(Sink& to)> send;             // once
  std::function<Result<std::unique_ptr<Source>>()> open;  // as often as one likes
  bool sends_checked = false;  // send() fails unless the bytes are those that `descriptor` says
};

class ImageSource {
 public:
  ImageSource() = default;
  ImageSource(const ImageSource&) = delete;
  ImageSource& operator=(const ImageSource&) = delete;
  virtual ~ImageSource() = default;

  const oci::Descriptor& root() const { return root_; }  // a manifest or an index
  // The bytes of a manifest or an index.
  Result<std::string> document(const oci::Descriptor& descriptor);
  virtual Blob blob(const oci::Descriptor& descriptor) = 0;
  // Of a registry: what may be mounted from there. Else empty.
  virtual oci::Reference repository() const { return {}; }
  // The manifest is not what somebody wrote, but made up by the reader: its layers may as well be
  // compressed.
  virtual bool is_made_up() const { return false; }

 protected:
  virtual Result<std::string> read_document(const oci::Descriptor& descriptor) = 0;
  oci::Descriptor root_;
};

// Sends the blob's bytes to `to`; kCorrupt when they are not those that its descriptor says.
Result<void> send_checked(const Blob& blob, Sink& to);

// The manifest or index `root` of the store.
std::unique_ptr<ImageSource> store_source(store::Store& store, const oci::Descriptor& root);
Result<std::unique_ptr<ImageSource>> open_source(const Place& place, const Services& services);

// All images of an archive, of `docker save` or an OCI layout.
struct Archived {
  std::vector<std::string> names;  // canonical references
  std::unique_ptr<ImageSource> source;
  bool is_complete = true;  // false: some platforms of the index are not there
};
Result<std::vector<Archived>> open_all(const std::shared_ptr<Files>& archive);

// The manifest for `platform`: the root, or what the index chooses.
struct ChosenManifest {
  oci::Descriptor descriptor;
  std::string bytes;
  oci::Manifest manifest;
};
Result<ChosenManifest> choose_manifest(ImageSource& source, const oci::Platform& platform);
Result<std::string> read_config(ImageSource& source, const oci::Manifest& manifest);

}  // namespace lichen::transfer
