// OCI image layouts (image-spec, image-layout.md), and the manifest.json beside them that
// `docker load` reads. Pure but for Files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "transfer/files.h"

namespace lichen::transfer {

inline constexpr char kLayoutFile[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

std::string layout_blob_path(const Digest& digest);

struct LayoutEntry {
  oci::Descriptor descriptor;       // without these annotations
  std::string full_name, ref_name;  // containerd's annotation, and the spec's; may be empty
};
Result<std::vector<LayoutEntry>> layout_entries(Files& files);
// What `name` is in the layout: an annotation org.opencontainers.image.ref.name, or a digest; "":
// its only image.
Result<oci::Descriptor> find_in_layout(Files& files, const std::string& name);

// What an image in a layout is called: the name that containerd reads, and that of the spec.
struct LayoutName {
  std::string full, ref;
};
LayoutName layout_name(const std::string& reference);  // as oci::to_text gives it

// index.json with `images` under their names, instead of what had these names in `earlier` ("":
// nothing).
struct NamedImage {
  oci::Descriptor root;
  std::vector<LayoutName> names;
};
Result<std::string> layout_index(std::string_view earlier, const std::vector<NamedImage>& images);

// manifest.json of `docker save`. `references` as oci::to_text gives them.
struct DockerImage {
  oci::Manifest manifest;
  std::vector<std::string> references;
};
std::string docker_manifest(const std::vector<DockerImage>& images);

}  // namespace lichen::transfer
