// Names of Linux signals, as STOPSIGNAL takes them. Pure.
#pragma once

#include <string_view>

namespace lichen::dockerfile {

// "SIGTERM", "term", "RTMIN+3" or a number that is not 0.
bool is_signal(std::string_view text);

}  // namespace lichen::dockerfile
