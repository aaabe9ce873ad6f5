// setuid(2) and its family, setgroups(2), as rules on Credentials. Pure. The order of checks and
// effects is that of credentials(7) and capabilities(7), "Effect of user ID changes".
#pragma once

#include <cstdint>

#include "emulate/credentials.h"
#include "emulate/reply.h"

namespace lichen::emulate {

inline constexpr std::uint32_t kUnchanged = 0xffffffff;

struct SetIdRequest {
  enum class Call : std::uint8_t { kId, kRe, kRes, kFs };
  Call call = Call::kId;
  bool group = false;
  std::uint32_t first = kUnchanged, second = kUnchanged, third = kUnchanged;  // real, eff., saved
};

// Never an error for kFs, which the kernel ignores when it refuses.
Answer<Credentials> decide(const SetIdRequest& request, const Credentials& before);

}  // namespace lichen::emulate
