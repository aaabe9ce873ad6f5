// Copies an image, or an index with its images, from one place to another.
//
//   const oci::Descriptor copied = TRY(copy_image(*from, *to, {.platform = host}, progress));
//
// Documents and blobs go byte for byte, so digests stay, unless the options ask for other layers:
// then the documents that name them change in that alone, and keep members that lichen does not
// know; or ask for OCI documents. Blobs go side by side and first, what names others comes after
// it. Blocks; kCancelled soon after `cancelled` is set.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "archive/compression.h"
#include "archive/effort.h"
#include "base/result.h"
#include "oci/types.h"
#include "transfer/image_source.h"
#include "transfer/image_target.h"

namespace lichen::transfer {

struct CopyOptions {
  bool all = false;        // an index with all its images; else the image for
  oci::Platform platform;  // this platform alone
  // What layers that are compressed otherwise are made anew as. A manifest that a reader made up
  // (of a docker archive) has plain layers: they become gzip unless this says otherwise.
  std::optional<archive::Compression> compression;
  int level = -1;
  std::uint64_t memory_bytes = archive::kMemoryBytes;  // of lichen's own, at most
  bool preserve_digests = false;  // rather fail (kInvalid) than change a document
  bool oci = false;  // Docker's documents become OCI ones (oci/conversion.h), if digests may change
  std::string staging;  // a directory, for layers that are made anew
  const std::atomic<bool>* cancelled = nullptr;
};

// From several threads, one call at a time.
using Progress = std::function<void(const std::string& what, std::uint64_t bytes,
                                    std::uint64_t total, bool done)>;

// What the target has now.
Result<oci::Descriptor> copy_image(ImageSource& from, ImageTarget& to, const CopyOptions& options,
                                   const Progress& progress);

}  // namespace lichen::transfer
