// What is said about an image, as a manifest beside it in an index: an attestation manifest, as
// BuildKit stores them (docs/attestations/attestation-storage.md there).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "oci/types.h"
#include "store/store.h"

namespace lichen::image {

struct AttestationBlob {
  std::string media_type, predicate_type;
  std::string bytes;
};

// An OCI artifact that names its subject; else a manifest with the config of an image for no
// platform, which old registries and docker's media types take.
enum class AttestationForm { kArtifact, kImage, kDockerImage };

// `about`: the manifest of one platform. The descriptor has the annotations and the platform that
// keep others from taking it for an image.
Result<oci::Descriptor> assemble_attestation(store::Store& store, const oci::Descriptor& about,
                                             const std::vector<AttestationBlob>& blobs,
                                             AttestationForm form);

}  // namespace lichen::image
