// The 512-byte tar header block: field table, numbers, checksum. Internal to archive.
//
// Pure functions. Rules: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
// Format" (base-256 numbers, old sparse headers).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace lichen::archive {

inline constexpr std::size_t kBlockBytes = 512;
using Block = std::array<char, kBlockBytes>;

struct Field {
  std::size_t offset;
  std::size_t size;
};
namespace field {
inline constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kLink{157, 100}, kMagic{257, 8},
    kDevMajor{329, 8}, kDevMinor{337, 8}, kPrefix{345, 155};
// star keeps times after a shorter prefix and marks the block at its end.
inline constexpr Field kStarPrefix{345, 131}, kStarTrailer{508, 4};
// Old GNU sparse headers ('S'): four extents, then "more follow" and the real size.
inline constexpr Field kSparseExtents{386, 96}, kSparseMore{482, 1}, kSparseRealSize{483, 12};
}  // namespace field

enum class Dialect { kV7, kUstar, kStar, kGnu };

// The bytes of a field as they are, and up to its first NUL.
std::string_view bytes_of(const Block& block, Field where);
std::string_view text_of(const Block& block, Field where);

bool is_zero(const Block& block);
bool checksum_matches(const Block& block);
Dialect dialect_of(const Block& block);

// Octal (blanks around it allowed, empty is 0) or base-256; kCorrupt when neither or out of range.
Result<std::int64_t> parse_number(std::string_view bytes);

// Writes zero-padded octal with a NUL behind it; false (field untouched) when it does not fit.
bool put_octal(Block& block, Field where, std::uint64_t value);
void put_text(Block& block, Field where, std::string_view text);
void put_checksum(Block& block);  // last of all

constexpr std::uint64_t padding_of(std::uint64_t size) {
  return (kBlockBytes - size % kBlockBytes) % kBlockBytes;
}

}  // namespace lichen::archive
