// The process's environment variables as a value, so that what depends on them stays pure.
#pragma once

#include <map>
#include <string>

namespace lichen::cli {

using Variables = std::map<std::string, std::string>;

Variables process_variables();
// "" when it is not set, as most programs treat it.
std::string variable(const Variables& variables, const std::string& name);

}  // namespace lichen::cli
