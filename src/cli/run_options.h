// `lichen run`'s arguments as data. What follows IMAGE belongs to the command in it. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/request.h"

namespace lichen::cli {

struct RunOptions {
  bool help = false;
  build::RunRequest request;
  build::Environment environment;
};

Result<RunOptions> parse_run(const std::vector<std::string>& args);
std::string run_help();

}  // namespace lichen::cli
