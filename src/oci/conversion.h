// Docker's schema 2 documents as OCI ones, with the bytes that skopeo gives them: what its OCI
// types do not know is left out, and strings and times are written as Go writes them.
//
// Pure. kInvalid for what is no such document.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "oci/types.h"

namespace lichen::oci {

// The OCI type for one of Docker's; other types are their own.
std::string oci_media_type(const std::string& media_type);

Result<std::string> to_oci_config(std::string_view docker_config);

// A manifest or a list of manifests. `replaced`: what became of the things that it names, by their
// old digests; others keep digest and size.
Result<std::string> to_oci_document(std::string_view docker_document,
                                    const std::map<Digest, Descriptor>& replaced);

}  // namespace lichen::oci
