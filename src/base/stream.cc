#include "base/stream.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace lichen {

namespace {
constexpr std::size_t kChunk = 256 * 1024;
}

Result<std::size_t> StringSource::read(char* buffer, std::size_t size) {
  const std::size_t count = std::min(size, rest_.size());
  std::memcpy(buffer, rest_.data(), count);
  rest_.remove_prefix(count);
  return count;
}

Result<void> HashingSink::write(std::string_view bytes) {
  hasher_.update(bytes);
  bytes_ += bytes.size();
  return next_ != nullptr ? next_->write(bytes) : Result<void>();
}

Result<void> HashingSink::close() {
  digest_ = hasher_.finish();
  return next_ != nullptr ? next_->close() : Result<void>();
}

Result<std::size_t> HashingSource::read(char* buffer, std::size_t size) {
  const std::size_t count = TRY(from_.read(buffer, size));
  hasher_.update({buffer, count});
  bytes_ += count;
  return count;
}

Result<Digest> HashingSource::drain() {
  const auto buffer = std::make_unique<char[]>(kChunk);
  while (TRY(read(buffer.get(), kChunk)) > 0) {
  }
  return hasher_.finish();
}

Result<std::uint64_t> copy(Source& from, Sink& to) {
  const auto buffer = std::make_unique<char[]>(kChunk);
  std::uint64_t total = 0;
  while (const std::size_t count = TRY(from.read(buffer.get(), kChunk))) {
    TRY(to.write({buffer.get(), count}));
    total += count;
  }
  return total;
}

Result<std::string> read_all(Source& from, std::size_t limit) {
  std::string all;
  const auto buffer = std::make_unique<char[]>(kChunk);
  while (const std::size_t count = TRY(from.read(buffer.get(), kChunk))) {
    if (all.size() + count > limit)
      return fail(Errc::kInvalid, "more than " + std::to_string(limit) + " bytes");
    all.append(buffer.get(), count);
  }
  return all;
}

Result<void> read_exactly(Source& from, char* buffer, std::size_t size) {
  while (size > 0) {
    const std::size_t count = TRY(from.read(buffer, size));
    if (count == 0) return fail(Errc::kCorrupt, "unexpected end of data");
    buffer += count;
    size -= count;
  }
  return {};
}

}  // namespace lichen
