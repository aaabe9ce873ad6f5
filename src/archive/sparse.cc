#include "archive/sparse.h"

#include "base/text.h"

namespace lichen::archive {

namespace {

Result<void> add(Extent extent, std::vector<Extent>& extents) {
  if (extents.size() >= kMaxExtents)
    return fail(Errc::kUnsupported,
                "sparse file of more than " + std::to_string(kMaxExtents) + " extents");
  extents.push_back(extent);
  return {};
}

// "offset,size,offset,size"
Result<void> add_map(std::string_view text, std::vector<Extent>& extents) {
  while (!text.empty()) {
    const auto take = [&text]() -> Result<std::uint64_t> {
      const std::size_t comma = text.find(',');
      const std::uint64_t value = TRY(parse_decimal(text.substr(0, comma)));
      text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
      return value;
    };
    const std::uint64_t offset = TRY(take());
    const std::uint64_t size = TRY(take());
    TRY(add({offset, size}, extents));
  }
  return {};
}

}  // namespace

Result<void> check(const SparseMap& map, std::uint64_t stored_bytes) {
  std::uint64_t end = 0;
  std::uint64_t stored = 0;
  for (const Extent& extent : map.extents) {
    // All values are below 2^63, so that these sums cannot wrap.
    if (extent.offset < end || extent.offset + extent.size > map.real_size)
      return fail(Errc::kCorrupt, "sparse map is out of order or beyond the end of the file");
    end = extent.offset + extent.size;
    stored += extent.size;
  }
  if (stored != stored_bytes)
    return fail(Errc::kCorrupt, "sparse map covers " + std::to_string(stored) + " bytes but " +
                                    std::to_string(stored_bytes) + " are stored");
  return {};
}

Result<void> add_old_extents(std::string_view bytes, std::vector<Extent>& extents) {
  constexpr std::size_t kNumber = 12;
  for (; bytes.size() >= 2 * kNumber; bytes.remove_prefix(2 * kNumber)) {
    if (bytes[0] == '\0') break;  // the table is not full
    const std::int64_t offset = TRY(parse_number(bytes.substr(0, kNumber)));
    const std::int64_t size = TRY(parse_number(bytes.substr(kNumber, kNumber)));
    if (offset < 0 || size < 0) return fail(Errc::kCorrupt, "negative number in the sparse map");
    TRY(add({static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size)}, extents));
  }
  return {};
}

Result<SparseMap> parse_sparse_records(const PaxRecords& records) {
  SparseMap map;
  std::uint64_t offset = 0;
  bool have_offset = false;
  bool have_size = false;
  for (const auto& [key, value] : records) {
    if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize") {
      map.real_size = TRY(parse_decimal(value));
      have_size = true;
    } else if (key == "GNU.sparse.map") {
      map.extents.clear();
      TRY(add_map(value, map.extents));
    } else if (key == "GNU.sparse.offset") {
      offset = TRY(parse_decimal(value));
      have_offset = true;
    } else if (key == "GNU.sparse.numbytes") {
      if (!have_offset) return fail(Errc::kCorrupt, "sparse extent without an offset");
      have_offset = false;
      const std::uint64_t size = TRY(parse_decimal(value));
      TRY(add({offset, size}, map.extents));
    }
  }
  if (!have_size) return fail(Errc::kCorrupt, "sparse file without its real size");
  return map;
}

Result<std::vector<Extent>> read_sparse_map(const std::function<Result<Block>()>& next_block) {
  Block block{};
  std::size_t at = block.size();
  const auto next_number = [&]() -> Result<std::uint64_t> {
    std::string digits;
    for (;;) {
      if (at == block.size()) {
        block = TRY(next_block());
        at = 0;
      }
      const char c = block[at++];
      if (c == '\n') return parse_decimal(digits);
      if (digits.size() >= 20) return fail(Errc::kCorrupt, "bad number in the sparse map");
      digits += c;
    }
  };
  std::vector<Extent> extents;
  for (std::uint64_t count = TRY(next_number()); count > 0; --count) {
    const std::uint64_t offset = TRY(next_number());
    const std::uint64_t size = TRY(next_number());
    TRY(add({offset, size}, extents));
  }
  return extents;
}

}  // namespace lichen::archive
