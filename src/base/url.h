// Texts with URLs in them. Pure; whatever comes in, nothing fails.
#pragma once

#include <string>
#include <string_view>

namespace lichen {

// "a%20b" -> "a b"; what is no escape stays.
std::string percent_decoded(std::string_view text);
// The last part of `path` if it is a name that does no harm as a file's: neither "." nor "..", not
// too long, without control characters. Else "".
std::string file_name_in(std::string_view path);
// The same of the URL's path, decoded; else "__unnamed__".
std::string file_name_in_url(std::string_view url);

// `text` without "user:password@" of the URLs in it, for messages. ssh's "user@" is no secret.
std::string without_credentials(std::string_view text);
// "user:password" of the URL that `url` is, decoded; "" none.
std::string credentials_in(std::string_view url);

}  // namespace lichen
