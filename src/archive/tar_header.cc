#include "archive/tar_header.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace lichen::archive {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\0';
}

// Big-endian two's complement; the top bit only marks the encoding, the next one is the sign.
Result<std::int64_t> parse_base256(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const bool negative = (first & 0x40) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 0) byte = negative ? byte : byte & 0x7f;
    // What is shifted out, and the new sign bit, must only repeat the sign.
    const std::uint64_t top = value >> 55;
    if (top != (negative ? 0x1ff : 0)) return fail(Errc::kCorrupt, "number is too large");
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

// Old tars summed plain (signed) chars; both sums are in the wild.
struct Sums {
  std::int64_t of_unsigned = 0;
  std::int64_t of_signed = 0;
};

Sums sums_of(const Block& block) {
  Sums sums;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_checksum =
        i >= field::kChecksum.offset && i < field::kChecksum.offset + field::kChecksum.size;
    const char c = in_checksum ? ' ' : block[i];
    sums.of_unsigned += static_cast<unsigned char>(c);
    sums.of_signed += static_cast<signed char>(c);
  }
  return sums;
}

}  // namespace

std::string_view bytes_of(const Block& block, Field where) {
  return {block.data() + where.offset, where.size};
}

std::string_view text_of(const Block& block, Field where) {
  const std::string_view bytes = bytes_of(block, where);
  return bytes.substr(0, bytes.find('\0'));
}

bool is_zero(const Block& block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

bool checksum_matches(const Block& block) {
  const Result<std::int64_t> stored = parse_number(bytes_of(block, field::kChecksum));
  if (!stored) return false;
  const Sums sums = sums_of(block);
  return *stored == sums.of_unsigned || *stored == sums.of_signed;
}

Dialect dialect_of(const Block& block) {
  const std::string_view magic = bytes_of(block, field::kMagic);
  if (magic == std::string_view("ustar  \0", 8)) return Dialect::kGnu;
  if (magic.substr(0, 6) != std::string_view("ustar\0", 6)) return Dialect::kV7;
  const bool star = bytes_of(block, field::kStarTrailer) == std::string_view("tar\0", 4);
  return star ? Dialect::kStar : Dialect::kUstar;
}

Result<std::int64_t> parse_number(std::string_view bytes) {
  if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0)
    return parse_base256(bytes);
  while (!bytes.empty() && is_blank(bytes.front())) bytes.remove_prefix(1);
  std::int64_t value = 0;
  for (; !bytes.empty() && bytes.front() >= '0' && bytes.front() <= '7'; bytes.remove_prefix(1)) {
    if (value > std::numeric_limits<std::int64_t>::max() >> 3)
      return fail(Errc::kCorrupt, "number is too large");
    value = value << 3 | (bytes.front() - '0');
  }
  if (!bytes.empty() && !is_blank(bytes.front()))
    return fail(Errc::kCorrupt, "bad octal number \"" + printable(bytes) + "\"");
  return value;
}

bool put_octal(Block& block, Field where, std::uint64_t value) {
  const std::size_t digits = where.size - 1;
  if (digits < 21 && value >> (3 * digits) != 0) return false;
  char* const begin = block.data() + where.offset;
  for (std::size_t i = digits; i-- > 0; value >>= 3)
    begin[i] = static_cast<char>('0' + static_cast<int>(value & 7));
  begin[digits] = '\0';
  return true;
}

void put_text(Block& block, Field where, std::string_view text) {
  std::memcpy(block.data() + where.offset, text.data(), std::min(text.size(), where.size));
}

void put_checksum(Block& block) {
  // Six digits, NUL, blank: the historical form.
  put_octal(block, {field::kChecksum.offset, 7},
            static_cast<std::uint64_t>(sums_of(block).of_unsigned));
  block[field::kChecksum.offset + 7] = ' ';
}

}  // namespace lichen::archive
