// The CRC of gzip (RFC 1952, 8) of two pieces joined. Internal to archive.
#pragma once

#include <cstdint>

namespace lichen::archive {

// The CRC of a piece with CRC `first` followed by one of `second_bytes` bytes with CRC `second`.
std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace lichen::archive
