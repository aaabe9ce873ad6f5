// One maker a format, for compression.cc. Internal to archive.
//
// Each Source reads what is left of a Peeked, which it owns, and knows one library.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/stream.h"

namespace lichen::archive {

// A Source read through a buffer whose unread bytes can be looked at.
class Peeked {
 public:
  explicit Peeked(Source& from) : from_(&from) {}

  std::string_view bytes() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }

  // Reads more when nothing is left; false at the end of the Source.
  Result<bool> fill() {
    if (begin_ < end_) return true;
    begin_ = end_ = 0;
    return TRY(read_more()) > 0;
  }
  // Reads until `count` bytes (a few) can be looked at or the Source ends.
  Result<void> want(std::size_t count) {
    while (end_ - begin_ < count && TRY(read_more()) > 0) {
    }
    return {};
  }
  Result<std::size_t> read(char* buffer, std::size_t size) {
    if (begin_ == end_) return from_->read(buffer, size);
    const std::size_t count = std::min(size, end_ - begin_);
    std::memcpy(buffer, buffer_.get() + begin_, count);
    begin_ += count;
    return count;
  }

 private:
  static constexpr std::size_t kBytes = 128 * 1024;

  Result<std::size_t> read_more() {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBytes);
    const std::size_t count = TRY(from_->read(buffer_.get() + end_, kBytes - end_));
    end_ += count;
    return count;
  }

  Source* from_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

std::unique_ptr<Source> make_gunzip_source(Peeked from);
std::unique_ptr<Source> make_zstd_source(Peeked from);
std::unique_ptr<Source> make_bzip2_source(Peeked from);
std::unique_ptr<Source> make_xz_source(Peeked from);

// Does this CPU give the bytes that others give?
bool is_gzip_the_same_here();
std::unique_ptr<Sink> make_gzip_sink(int level, unsigned threads, Sink& to, Hasher* plain);
std::unique_ptr<Sink> make_zstd_sink(int level, unsigned threads, Sink& to, Hasher* plain);

}  // namespace lichen::archive
