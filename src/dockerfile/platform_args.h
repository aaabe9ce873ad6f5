// Variables that exist without ARG at the top of a Dockerfile: the platforms and the target. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/types.h"

namespace lichen::dockerfile {

// "K=V" of TARGETPLATFORM and its kin, BUILDPLATFORM and its kin, TARGETSTAGE.
std::vector<std::string> platform_args(const oci::Platform& build, const oci::Platform& target,
                                       const std::string& stage);

// HTTP_PROXY and its kin in either case: passed to every RUN, in no cache key and no history.
bool is_proxy_arg(std::string_view key);
// Build arguments that the front end or the client reads: never "not consumed".
bool is_predefined_arg(std::string_view key);

}  // namespace lichen::dockerfile
