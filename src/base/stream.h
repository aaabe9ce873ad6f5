// Byte streams. A Source is pulled, a Sink is pushed to; layers flow through chains of them
// (tar -> hash -> compress -> hash -> file) so that every byte is read once.
//
// Streams belong to one thread. A Sink that buffers writes the rest in close(); close() must be
// called for the bytes to count, and a Sink that is destroyed without it discards its result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace lichen {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  // Reads up to `size` bytes; 0 means the end. May return fewer.
  virtual Result<std::size_t> read(char* buffer, std::size_t size) = 0;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  virtual Result<void> write(std::string_view bytes) = 0;  // all of them, or an error
  virtual Result<void> close() { return {}; }
};

// A Source over bytes that the caller keeps alive.
class StringSource final : public Source {
 public:
  explicit StringSource(std::string_view bytes) : rest_(bytes) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  std::string_view rest_;
};

class StringSink final : public Sink {
 public:
  Result<void> write(std::string_view bytes) override {
    bytes_.append(bytes);
    return {};
  }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Passes bytes on to `next` (which may be null: only hash) and knows their digest and count.
// close() closes `next` too.
class HashingSink final : public Sink {
 public:
  explicit HashingSink(Sink* next) : next_(next) {}
  Result<void> write(std::string_view bytes) override;
  Result<void> close() override;
  const Digest& digest() const { return digest_; }  // after close()
  std::uint64_t bytes() const { return bytes_; }

 private:
  Sink* next_;
  Hasher hasher_;
  Digest digest_;
  std::uint64_t bytes_ = 0;
};

class HashingSource final : public Source {
 public:
  explicit HashingSource(Source& from) : from_(from) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override;
  // Reads what is left (trailing bytes that a parser did not need), then gives the digest.
  Result<Digest> drain();
  std::uint64_t bytes() const { return bytes_; }

 private:
  Source& from_;
  Hasher hasher_;
  std::uint64_t bytes_ = 0;
};

// Copies to the end; returns the number of bytes. Does not close `to`.
Result<std::uint64_t> copy(Source& from, Sink& to);
// Reads all; kInvalid when there are more than `limit` bytes (foreign input is always bounded).
Result<std::string> read_all(Source& from, std::size_t limit);
// Reads exactly `size` bytes or fails with kCorrupt.
Result<void> read_exactly(Source& from, char* buffer, std::size_t size);

}  // namespace lichen
