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

// Tier ids: the owner that the kernel can be told, whose map has `map_size` ids. For what it cannot
// be told it gets a mark.
constexpr std::uint32_t unmapped_mark(std::uint32_t map_size) {
  constexpr std::uint32_t kNobody = 65534;
  return map_size > kNobody ? kNobody : map_size == 0 ? 0 : map_size - 1;
}
std::uint32_t mapped(std::uint32_t id, std::uint32_t map_size);
// A record, with the owner that the kernel knows where that is not our mark: a later chown, which
// nobody told us about, replaced it.
owners::Record at_ids(owners::Record record, const struct statx& status, std::uint32_t map_size);

}  // namespace lichen::emulate
