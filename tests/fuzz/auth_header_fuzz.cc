// What a hostile registry puts into WWW-Authenticate, Retry-After, Link and Location: no crash, and
// a URL that was accepted is plain http or https and reads back as itself.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "registry/auth_header.h"
#include "registry/http_date.h"
#include "registry/link_header.h"
#include "registry/url.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const registry::Challenge& challenge : registry::parse_challenges(text))
    LICHEN_ASSERT(!challenge.scheme.empty());
  (void)registry::parse_http_date(std::string(text));
  LICHEN_ASSERT(registry::parse_retry_after(std::string(text), 1'700'000'000) >= -1);
  const std::string next = registry::next_page(std::string(text));
  LICHEN_ASSERT(text.find(next) != std::string_view::npos && next.find('>') == std::string::npos);
  const registry::Url base{.scheme = "https", .host = "r.example", .target = "/v2/x?y"};
  if (const auto url = registry::resolve_location(base, text)) {
    LICHEN_ASSERT(url->scheme == "https" || url->scheme == "http");
    const auto again = registry::parse_url(registry::to_text(*url));
    LICHEN_ASSERT(again && *again == *url);
  }
  if (const auto bytes = base64_decode(text))
    LICHEN_ASSERT(base64_decode(base64_encode(*bytes)) == *bytes);
  return 0;
}
