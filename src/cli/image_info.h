// What the image commands show of an image: its name, config, layers and sizes. Of one for several
// platforms, config and layers are those of one platform: this machine's, or else the first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "store/store.h"
#include "transfer/image_source.h"

namespace lichen::cli {

struct ImageInfo {
  store::Image image;
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::string config_json;
  std::uint64_t bytes = 0;                 // of the layers' blobs, compressed, each once
  std::vector<oci::Descriptor> manifests;  // of an image for several platforms
};

// Opens the store that `root` (--root) or the environment names.
Result<std::unique_ptr<store::Store>> open_store(const std::string& root);
Result<ImageInfo> read_image(store::Store& store, const store::Image& image);  // of all platforms
// One that is anywhere; it has no name. `count_all`: bytes are those of all platforms.
Result<ImageInfo> read_image(transfer::ImageSource& source, const oci::Platform& platform,
                             bool count_all);
// kNotFound with a hint when there is none.
Result<store::Image> find_image(store::Store& store, const std::string& name);

// "registry/app" and "1.0" of an image's name as people type it; "<none>" where there is none.
struct ShownName {
  std::string repository = "<none>", tag = "<none>";
};
ShownName shown_name(const std::string& name);
bool is_untagged(const store::Image& image);  // kept under its digest alone

// Without untagged ones whose image has a name, too.
std::vector<store::Image> without_named(std::vector<store::Image> all);
// The newest first, by the time that is shown; then by when the store was given them.
void sort_by_age(std::vector<ImageInfo>& images);

// The names of those in `all` that are the same image as `image`, as people type them.
std::vector<std::string> names_of(const std::vector<store::Image>& all, const store::Image& image);

}  // namespace lichen::cli
