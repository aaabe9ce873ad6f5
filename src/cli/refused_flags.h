// Flags of `docker build` and `buildah build` that lichen has not. Each is accepted with a value
// that asks for nothing but what is so anyway, and else an error that names it and says why.
#pragma once

#include <vector>

#include "cli/flags.h"

namespace lichen::cli {

std::vector<Flag> refused_build_flags();

}  // namespace lichen::cli
