// Sidecars may come from a cache that somebody else filled: whatever is accepted must be canonical,
// and must be applicable.
#include <cstddef>
#include <cstdint>

#include "owners/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const lichen::Result<lichen::owners::Sidecar> sidecar = lichen::owners::parse_sidecar(bytes);
  if (!sidecar) return 0;
  LICHEN_ASSERT(lichen::owners::to_bytes(*sidecar) == bytes);
  lichen::owners::Owners owners;
  owners.apply(*sidecar);
  return 0;
}
