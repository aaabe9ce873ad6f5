// Flags and words that several commands share. The parse_* functions are pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/request.h"
#include "cli/flags.h"
#include "oci/types.h"

namespace lichen::cli {

// Without --root, store::choose_root looks at LICHEN_ROOT and the usual places.
Flag root_flag(std::string& root);
Flag tier_flag(build::TierChoice& tier);
Flag tls_flag(bool& verify);
Flag network_flag(graph::NetworkMode& network);
Flag memory_flag(std::uint64_t& bytes);
Flag add_host_flag(std::vector<std::string>& hosts);

Result<build::TierChoice> parse_tier(const std::string& text);
Result<graph::NetworkMode> parse_network(const std::string& text);
// "NAME:ADDRESS" or "NAME=ADDRESS" -> "NAME=ADDRESS".
Result<std::string> parse_add_host(const std::string& text);
// "linux/amd64,arm64,local": each platform once, in that order. `own` is what "local" means.
Result<std::vector<oci::Platform>> parse_platforms(const std::string& text,
                                                   const oci::Platform& own);

}  // namespace lichen::cli
