// How well an image for one platform runs on another; what select() ranks an index by. Pure.
#pragma once

#include "oci/types.h"

namespace lichen::oci {

// 0: not at all; higher is better: the same variant, an older variant (arm), no variant, any.
int match_rank(const Platform& wanted, const Platform& offered);

}  // namespace lichen::oci
