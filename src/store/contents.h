// What makes up an image of the store: its documents and blobs.
//
//   for (const oci::Descriptor& blob : TRY(contents_of(store, root)).blobs) …
//
// Every one of them is named once, however often others name it. Fails where a document is not
// there, cannot be read, or is nested too deeply.
#pragma once

#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "store/store.h"

namespace lichen::store {

struct Contents {
  std::vector<oci::Descriptor> documents;  // what one names comes before it; `root` is the last
  std::vector<oci::Descriptor> blobs;      // of each manifest the config, then the layers
};

// `root` is a manifest or an index.
Result<Contents> contents_of(Store& store, const oci::Descriptor& root);

}  // namespace lichen::store
