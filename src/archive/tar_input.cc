#include "archive/tar_input.h"

#include <algorithm>
#include <cstring>

namespace lichen::archive {

namespace {
constexpr std::size_t kBufferBytes = 128 * 1024;

tl::unexpected<Error> truncated() {
  return fail(Errc::kCorrupt, "the tar archive is truncated");
}
}  // namespace

Result<bool> TarInput::fill() {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  begin_ = end_ = 0;
  end_ = TRY(from_.read(buffer_.get(), kBufferBytes));
  taken_ += end_;
  return end_ > 0;
}

Result<bool> TarInput::read_block(Block& block) {
  if (begin_ == end_ && !TRY(fill())) return false;
  TRY(read_exactly(block.data(), block.size()));
  return true;
}

Result<std::size_t> TarInput::read_some(char* buffer, std::size_t size) {
  if (begin_ == end_ && size >= kBufferBytes) {
    // Large contents go straight through.
    const std::size_t count = TRY(from_.read(buffer, size));
    if (count == 0) return truncated();
    taken_ += count;
    return count;
  }
  if (begin_ == end_ && !TRY(fill())) return truncated();
  const std::size_t count = std::min(size, end_ - begin_);
  std::memcpy(buffer, buffer_.get() + begin_, count);
  begin_ += count;
  return count;
}

Result<void> TarInput::read_exactly(char* buffer, std::size_t size) {
  while (size > 0) {
    const std::size_t count = TRY(read_some(buffer, size));
    buffer += count;
    size -= count;
  }
  return {};
}

Result<void> TarInput::skip(std::uint64_t bytes) {
  while (bytes > 0) {
    if (begin_ == end_ && !TRY(fill())) return truncated();
    const std::uint64_t count = std::min<std::uint64_t>(bytes, end_ - begin_);
    begin_ += count;
    bytes -= count;
  }
  return {};
}

}  // namespace lichen::archive
