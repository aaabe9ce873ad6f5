// Words of EXPOSE: [[ip:]host:]port[-port][/protocol]. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

// "80/tcp" for each container port that the words name, in order.
Result<std::vector<std::string>> parse_ports(const std::vector<std::string>& words);

}  // namespace lichen::dockerfile
