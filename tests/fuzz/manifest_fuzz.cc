// Manifests, indexes and image configs from a hostile registry: no crash, and what was read can
// be written and read again to the same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/conversion.h"
#include "oci/types.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto document = oci::parse_document(bytes)) {
    std::visit(
        [](const auto& value) {
          const std::string json = oci::to_json(value);
          const auto again = oci::parse_document(json);
          LICHEN_ASSERT(again);
          const auto* same = std::get_if<std::decay_t<decltype(value)>>(&*again);
          LICHEN_ASSERT(same != nullptr && oci::to_json(*same) == json);
        },
        *document);
    if (const auto* index = std::get_if<oci::Index>(&*document))
      static_cast<void>(oci::select(*index, oci::Platform{}));
  }
  if (const auto config = oci::parse_image_config(bytes)) {
    const std::string json = oci::to_json(*config);
    const auto again = oci::parse_image_config(json);
    LICHEN_ASSERT(again && oci::to_json(*again) == json);
  }
  if (const auto made = oci::to_oci_config(bytes)) {
    LICHEN_ASSERT(oci::to_oci_config(*made).value_or("") == *made);
  }
  if (const auto made = oci::to_oci_document(bytes, {})) {
    LICHEN_ASSERT(oci::to_oci_document(*made, {}).value_or("") == *made);
  }
  return 0;
}
