// Base64 with padding (RFC 4648, section 4). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lichen {

std::string base64_encode(std::string_view bytes);
// nullopt: not base64. Missing padding is accepted, as some tools leave it out.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace lichen
