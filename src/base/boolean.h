// "true" and "false" as people and scripts write them. Pure.
#pragma once

#include <string_view>

#include "base/result.h"

namespace lichen {

// "true", "1", "no", … in either case, as Go's strconv.ParseBool and people write them. kInvalid.
Result<bool> parse_bool(std::string_view text);

}  // namespace lichen
