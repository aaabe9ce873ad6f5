// One record of comma-separated values (RFC 4180): the form of --mount and --device. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen {

// Its fields, quotes taken off. An empty text is no record ("EOF").
Result<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace lichen
