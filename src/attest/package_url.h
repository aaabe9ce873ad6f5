// Images as package URLs: what statements about them call them.
//
//   package_url("docker", reference, platform) == "pkg:docker/debian@12?platform=linux%2Famd64"
//
// The package-url specification ("purl"), with the type and the qualifiers that BuildKit gives: the
// name as people type it, the tag as version, a digest only where there is no tag. Pure.
#pragma once

#include <string>

#include "oci/reference.h"
#include "oci/types.h"

namespace lichen::attest {

std::string package_url(const std::string& type, const oci::Reference& reference,
                        const oci::Platform& platform);

}  // namespace lichen::attest
