// A build cache from a stranger: no crash, and what was read can be written and read again to the
// same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/cache_config.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto config = oci::parse_cache_config(bytes)) {
    for (const oci::CacheRecord& record : config->records)
      for (const auto& tree : record.trees)
        for (const std::size_t layer : tree) LICHEN_ASSERT(layer < config->layers.size());
    const std::string json = oci::to_json(*config);
    const auto again = oci::parse_cache_config(json);
    LICHEN_ASSERT(again && oci::to_json(*again) == json);
  }
  if (const auto config = oci::parse_inline_cache(bytes, 3)) {
    const std::string json = oci::inline_json(*config);
    const auto again = oci::parse_inline_cache(json, 3);
    LICHEN_ASSERT(again && oci::inline_json(*again) == json);
  }
  static_cast<void>(oci::find_text_member(bytes, oci::kInlineCacheMember));
  return 0;
}
