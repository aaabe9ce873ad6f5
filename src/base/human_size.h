// Sizes as docker prints them. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace lichen {

// Decimal units, three digits: "0B", "31B", "1.24GB", "77.9MB".
std::string human_size(std::uint64_t bytes);

}  // namespace lichen
