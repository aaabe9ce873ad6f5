// What the image commands show of an image of the store: its name, config, layers and sizes. Of one
// for several platforms, config and layers are this machine's, or else the first platform's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "store/store.h"

namespace lichen::cli {

struct ImageInfo {
  store::Image image;
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::string config_json;
  std::uint64_t bytes = 0;  // of the layers' blobs, compressed; of all platforms, each blob once
  std::vector<oci::Descriptor> manifests;  // of an image for several platforms
};

// Opens the store that `root` (--root) or the environment names.
Result<std::unique_ptr<store::Store>> open_store(const std::string& root);
Result<ImageInfo> read_image(store::Store& store, const store::Image& image);
// kNotFound with a hint when there is none.
Result<store::Image> find_image(store::Store& store, const std::string& name);

// "registry/app" and "1.0" of an image's name as people type it; "<none>" where there is none.
struct ShownName {
  std::string repository = "<none>", tag = "<none>";
};
ShownName shown_name(const std::string& name);
bool is_untagged(const store::Image& image);  // kept under its digest alone

// The names of those in `all` that are the same image as `image`, as people type them.
std::vector<std::string> names_of(const std::vector<store::Image>& all, const store::Image& image);

}  // namespace lichen::cli
