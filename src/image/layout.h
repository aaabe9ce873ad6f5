// OCI image layouts (image-spec image-layout.md) and `docker load` archives, as files.
//
// write_layout puts an image of the store, or an index with its images, with all their blobs, into
// a tar archive or a directory. read_layout finds the image that a layout directory names. Both
// check what they read: a layout is foreign input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "oci/types.h"
#include "store/store.h"

namespace lichen::image {

struct LayoutOptions {
  std::vector<std::string> names;  // canonical references; the first tag names the entry
  bool docker = false;             // also manifest.json, for `docker load`; not of an index
};

// The archive's bytes, in a fixed order.
Result<void> write_layout(store::Store& store, const oci::Descriptor& root,
                          const LayoutOptions& options, Sink& to);
Result<void> write_layout_directory(store::Store& store, const oci::Descriptor& root,
                                    const LayoutOptions& options, const std::string& directory);

// The manifest that `selector` ("", "tag" or a digest) names in the layout `directory`, for
// `platform`.
Result<oci::Descriptor> read_layout(const std::string& directory, const std::string& selector,
                                    const oci::Platform& platform);
// A small blob (manifest, config) of a layout, checked against its digest.
Result<std::string> read_layout_blob(const std::string& directory, const oci::Descriptor& blob);

}  // namespace lichen::image
