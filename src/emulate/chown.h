// chown(2): who may give a file to whom, and what is then recorded. Pure.
#pragma once

#include <cstdint>

#include "emulate/permission.h"

namespace lichen::emulate {

struct Ownership {
  std::uint32_t uid = 0xffffffff, gid = 0xffffffff;  // all ones: leave as it is
  friend bool operator==(const Ownership&, const Ownership&) = default;
};

// What the file's owner is afterwards, or EPERM.
Answer<Ownership> decide(const Ownership& wanted, const Credentials& credentials,
                         const Owned& file);

// Tier ids: the owner that the kernel can be told; what it cannot is kUnmappedMark.
inline constexpr std::uint32_t kMapSize = 65536;
inline constexpr std::uint32_t kUnmappedMark = 65534;
std::uint32_t mapped(std::uint32_t id);

}  // namespace lichen::emulate
