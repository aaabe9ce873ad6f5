// Texts of HTTP: names of files, dates, addresses. Pure; whatever comes in, nothing fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lichen::fetch {

// The file name in a Content-Disposition header (RFC 6266; filename* before filename), or "". One
// path component.
std::string disposition_name(std::string_view header);
// The last part of the URL's path, or "__unnamed__".
std::string name_in_url(std::string_view url);
// Seconds since 1970 of an HTTP date (RFC 9110, section 5.6.7: all three forms).
std::optional<std::int64_t> parse_http_date(const std::string& text);
// "a%20b" -> "a b"; what is no escape stays.
std::string unescaped(std::string_view text);

// `text` without "user:password@" of the URLs in it: for messages.
std::string without_credentials(std::string_view text);
// "user:password" of the URL that `url` is, unescaped; "" none.
std::string credentials_in(std::string_view url);
// The value of an Authorization header for "user:password".
std::string basic_authorization(std::string_view user_and_password);

}  // namespace lichen::fetch
