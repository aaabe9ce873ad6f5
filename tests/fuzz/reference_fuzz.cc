// Image references: no crash, and both text forms of what was read name the same image.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/reference.h"
#include "oci/types.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto reference = oci::parse_reference(text)) {
    const auto canonical = oci::parse_reference(oci::to_text(*reference));
    const auto familiar = oci::parse_reference(oci::familiar_text(*reference));
    LICHEN_ASSERT(canonical && *canonical == *reference);
    LICHEN_ASSERT(familiar && *familiar == *reference);
  }
  if (const auto platform = oci::parse_platform(text)) {
    const auto again = oci::parse_platform(oci::to_text(*platform));
    LICHEN_ASSERT(again && *again == *platform);
  }
  return 0;
}
