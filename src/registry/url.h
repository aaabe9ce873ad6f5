// http and https addresses, as far as registries use them. Pure.
//
//   Url next = TRY(resolve_location(request_url, "/v2/x/blobs/uploads/1?state=a"));
//
// Anything else (file:, user names, control characters) is kInvalid: Locations are foreign input.
// Source: RFC 3986, section 5.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen::registry {

struct Url {
  std::string scheme;        // "http", "https"
  std::string host;          // lower-case; IPv6 in brackets
  int port = 0;              // 0: the scheme's
  std::string target = "/";  // path and query; no fragment

  friend bool operator==(const Url&, const Url&) = default;
};

Result<Url> parse_url(std::string_view text);
// A Location header of an answer from `base`: absolute, "//host/x", "/x", "?x" or relative.
Result<Url> resolve_location(const Url& base, std::string_view location);
std::string to_text(const Url& url);
std::string without_query(const Url& url);           // for messages: a query can carry signatures
std::string percent_encoded(std::string_view text);  // all but unreserved characters
// Appends "name=value" (both already encoded) to the query.
void add_query(Url& url, std::string_view name_and_value);

// Credentials stay within one origin: scheme, host and effective port.
bool same_origin(const Url& a, const Url& b);
// "localhost", 127.0.0.0/8, [::1].
bool is_loopback(std::string_view host);

}  // namespace lichen::registry
