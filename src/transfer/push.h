// Images between the store and registries.
//
//   Fetched base = TRY(fetch(store, client, reference, platform));  // manifest and config only
//   TRY(push(store, client, reference, root, progress));  // blobs first, the named document last
#pragma once

#include "base/result.h"
#include "oci/reference.h"
#include "oci/types.h"
#include "registry/client.h"
#include "store/store.h"
#include "transfer/copy.h"

namespace lichen::transfer {

struct Fetched {
  oci::Descriptor manifest;  // of the platform
  oci::ImageConfig config;
};

// Resolves `reference` at its registry, and puts manifest and config of `platform` into the store.
// Layers are left for who needs them. What the store has already is not fetched again.
Result<Fetched> fetch(store::Store& store, registry::Client& client,
                      const oci::Reference& reference, const oci::Platform& platform);

// The same from what is in the store already; kNotFound when a part is missing.
Result<Fetched> load(store::Store& store, const oci::Descriptor& root,
                     const oci::Platform& platform);

// `root`: a manifest, or an index, which goes with all its images.
Result<void> push(store::Store& store, registry::Client& client, const oci::Reference& reference,
                  const oci::Descriptor& root, const Progress& progress);

}  // namespace lichen::transfer
