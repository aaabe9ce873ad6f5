// capset(2), capget(2) and the prctl(2) calls about capabilities, as rules on Credentials. Pure.
//
// The container's real sets do not change: they are what the model's sets are cut with when a
// program asks.
#pragma once

#include <cstdint>

#include "emulate/credentials.h"
#include "emulate/reply.h"

namespace lichen::emulate {

struct CapSetRequest {
  CapabilitySet permitted = 0, effective = 0, inheritable = 0;
};
Answer<Credentials> decide(const CapSetRequest& request, const Credentials& before);

struct PrctlRequest {
  int option = 0;
  std::uint64_t second = 0, third = 0, fourth = 0, fifth = 0;
};
struct PrctlAnswer {
  Credentials now;
  std::int64_t value = 0;
};
Answer<PrctlAnswer> decide(const PrctlRequest& request, const Credentials& before);

}  // namespace lichen::emulate
