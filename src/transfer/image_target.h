// An image where it shall be: one way to write to all places.
//
// put_blob and has_blob may be called by `parallel()` threads at once; documents come after all
// blobs, and after the documents that they name, from one thread. Nothing is named before finish().
// What is taken is checked against its descriptor (kCorrupt).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "transfer/files.h"
#include "transfer/image_source.h"
#include "transfer/place.h"

namespace lichen::transfer {

struct LayoutState;

class ImageTarget {
 public:
  ImageTarget() = default;
  ImageTarget(const ImageTarget&) = delete;
  ImageTarget& operator=(const ImageTarget&) = delete;
  virtual ~ImageTarget() = default;

  virtual unsigned parallel() const = 0;
  virtual Result<void> put_blob(const Blob& blob, const oci::Reference& mount_from) = 0;
  virtual Result<void> put_document(const oci::Descriptor& descriptor, std::string_view bytes,
                                    bool is_root) = 0;
  virtual Result<void> finish(const oci::Descriptor& root) = 0;
};

// What an image is called in a layout.
struct LayoutNames {
  std::vector<std::string> references;  // canonical ones: the tag is the spec's name
  std::string ref;                      // one that is no reference
  bool docker = false;                  // also manifest.json, for `docker load`; not of an index
};
Result<std::unique_ptr<ImageTarget>> layout_target(std::unique_ptr<NewFiles> files,
                                                   LayoutNames names);
// Several images in one layout, one after another; what two of them have is there once.
class SharedLayout {
 public:
  // kInvalid: a place for one image.
  static Result<SharedLayout> open(const Place& place, const Services& services);
  std::unique_ptr<ImageTarget> next(LayoutNames names);
  Result<void> finish();

 private:
  explicit SharedLayout(std::shared_ptr<LayoutState> state) : state_(std::move(state)) {}
  std::shared_ptr<LayoutState> state_;
};
// `names`: canonical references; none: the image is kept under its digest.
std::unique_ptr<ImageTarget> store_target(store::Store& store, std::vector<std::string> names);
std::unique_ptr<ImageTarget> registry_target(registry::Client& client,
                                             const oci::Reference& reference);
Result<std::unique_ptr<ImageTarget>> open_target(const Place& place, const Services& services);

}  // namespace lichen::transfer
