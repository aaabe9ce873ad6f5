// How the snapshot that a failed step left is known. Internal to store.
#pragma once

#include <string_view>

namespace lichen::store {

inline constexpr std::string_view kFailedMark = "failed: ";  // begins its description

}  // namespace lichen::store
