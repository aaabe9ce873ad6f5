// What a hostile registry lists as referrers: no crash, and what was accepted has a digest.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "registry/referrers.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto referrers = registry::parse_referrers(text))
    for (const registry::Referrer& one : *referrers) LICHEN_ASSERT(!one.descriptor.digest.empty());
  return 0;
}
