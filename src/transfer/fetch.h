// What an image is, from its registry or from the store: manifest and config.
//
//   Fetched base = TRY(fetch(store, client, reference, platform));
#pragma once

#include "base/result.h"
#include "oci/reference.h"
#include "oci/types.h"
#include "registry/client.h"
#include "store/store.h"

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

}  // namespace lichen::transfer
