// `lichen prune`'s arguments as data; flags are those of `docker builder prune` and `docker buildx
// prune`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/request.h"
#include "cli/flags.h"
#include "store/prune.h"

namespace lichen::cli {

struct PruneOptions {
  bool help = false, force = false, verbose = false;
  build::Environment environment;
  store::PruneRequest request;
};

// `now`: seconds since 1970.
Result<PruneOptions> parse_prune(const std::vector<std::string>& args, std::int64_t now);
std::string prune_help();

// Bytes: "10GB" is 10 << 30, as for docker. `to` gets them.
Flag space_flag(std::string name, std::string help, std::uint64_t& to);
// Seconds of "24h", "1h30m", "7d".
Result<std::int64_t> parse_duration(const std::string& text);

}  // namespace lichen::cli
