// Sparse files: a stored content is the concatenation of extents of a larger file. Internal to
// archive.
//
// Pure functions, bar read_sparse_map. Rules: GNU tar manual, "Storing Sparse Files" (old GNU
// format and PAX formats 0.0, 0.1, 1.0).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "archive/pax.h"
#include "archive/tar_header.h"
#include "base/result.h"

namespace lichen::archive {

// 16 MiB of memory at most.
inline constexpr std::size_t kMaxExtents = 1024 * 1024;

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

struct SparseMap {
  std::uint64_t real_size = 0;
  std::vector<Extent> extents;
};

// kCorrupt unless the extents ascend, do not overlap, end within real_size and add up to
// `stored_bytes`.
Result<void> check(const SparseMap& map, std::uint64_t stored_bytes);

// Appends the extents of an old GNU header or of an extension block, `bytes` being their table.
Result<void> add_old_extents(std::string_view bytes, std::vector<Extent>& extents);

// Formats 0.0 and 0.1: from the GNU.sparse.* records alone.
Result<SparseMap> parse_sparse_records(const PaxRecords& records);

// Format 1.0: the map is text in the first blocks of the content, each got from `next_block`.
Result<std::vector<Extent>> read_sparse_map(const std::function<Result<Block>()>& next_block);

}  // namespace lichen::archive
