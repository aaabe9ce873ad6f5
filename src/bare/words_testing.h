// Arguments of system calls as tests write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lichen::bare::testing {

template <class T>
std::uint64_t as_word([[maybe_unused]] T value) {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<std::uint64_t>(value);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

}  // namespace lichen::bare::testing
