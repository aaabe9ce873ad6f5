// Layers in another compression, and the documents that name them.
#pragma once

#include <map>
#include <string>

#include "archive/compression.h"
#include "base/result.h"
#include "oci/types.h"
#include "transfer/image_source.h"
#include "transfer/staged.h"

namespace lichen::transfer {

// Layers that are, or can be, of that compression; not of other artifacts, nor encrypted ones.
bool is_layer(const std::string& media_type);
archive::Compression compression_of(const std::string& media_type);

struct RecodeOptions {
  archive::Compression compression = archive::Compression::kGzip;
  int level = -1;
  unsigned threads = 1;
  std::string staging;
};
// The layer's bytes compressed anew, in a file without a name; kCorrupt when they are not those
// that the descriptor says.
Result<Blob> recode(const Blob& layer, const RecodeOptions& options);

// What became of documents and blobs: new media type, digest and size by the old digest.
using Replacements = std::map<Digest, oci::Descriptor>;
// `document` with its descriptors replaced, all else as it was.
Result<std::string> replace_descriptors(const std::string& document,
                                        const Replacements& replacements);

}  // namespace lichen::transfer
