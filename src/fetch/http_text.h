// Texts of HTTP: names of files, credentials. Pure; whatever comes in, nothing fails.
#pragma once

#include <string>
#include <string_view>

namespace lichen::fetch {

// The file name in a Content-Disposition header (RFC 6266; filename* before filename), or "". One
// path component.
std::string disposition_name(std::string_view header);
// The value of an Authorization header for "user:password", or a user without one.
std::string basic_authorization(std::string_view user_and_password);

}  // namespace lichen::fetch
