// gzip (RFC 1952), any number of members. ISA-L checks each member's CRC and length.
#include <isa-l.h>

#include <limits>
#include <optional>
#include <utility>

#include "archive/codecs.h"

namespace lichen::archive {

namespace {

const char* reason_of(int status) {
  switch (status) {
    case ISAL_INVALID_WRAPPER:
      return "bad header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown method";
    case ISAL_INCORRECT_CHECKSUM:
      return "checksum mismatch";
    case ISAL_INVALID_BLOCK:
    case ISAL_INVALID_SYMBOL:
    case ISAL_INVALID_LOOKBACK:
      return "damaged data";
    default:
      return "cannot be decompressed";
  }
}

class GunzipSource final : public Source {
 public:
  explicit GunzipSource(Peeked from)
      : from_(std::move(from)), state_(std::make_unique_for_overwrite<inflate_state>()) {
    begin_member();
  }

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (failed_) return fail(*failed_);
    Result<std::size_t> count = inflate(buffer, size);
    if (!count) failed_ = count.error();
    return count;
  }

 private:
  void begin_member() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  Result<std::size_t> inflate(char* buffer, std::size_t size) {
    size = std::min<std::size_t>(size, std::numeric_limits<std::uint32_t>::max());
    if (size == 0) return 0;
    for (;;) {
      if (state_->block_state == ISAL_BLOCK_FINISH && !TRY(next_member())) return 0;
      // At the end of the input there may still be output to give.
      const bool more = TRY(from_.fill());
      const std::string_view input = from_.bytes();
      state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(input.data()));
      state_->avail_in = static_cast<std::uint32_t>(input.size());
      state_->next_out = reinterpret_cast<std::uint8_t*>(buffer);
      state_->avail_out = static_cast<std::uint32_t>(size);
      const int status = isal_inflate(state_.get());
      from_.consume(input.size() - state_->avail_in);
      if (status < 0 || status == ISAL_NEED_DICT)
        return fail(Errc::kCorrupt, std::string("gzip: ") + reason_of(status));
      const std::size_t count = size - state_->avail_out;
      if (count > 0) return count;
      if (!more && state_->block_state != ISAL_BLOCK_FINISH)
        return fail(Errc::kCorrupt, "gzip: truncated");
    }
  }

  // After a member: true when another begins, false at the end (zeros may precede it).
  Result<bool> next_member() {
    while (TRY(from_.fill())) {
      const char first = from_.bytes()[0];
      if (first == '\x1f' && !padding_) {
        begin_member();
        return true;
      }
      if (first != '\0') return fail(Errc::kCorrupt, "gzip: garbage at the end");
      padding_ = true;
      const std::size_t zeros = from_.bytes().find_first_not_of('\0');
      from_.consume(zeros == std::string_view::npos ? from_.bytes().size() : zeros);
    }
    return false;
  }

  Peeked from_;
  std::unique_ptr<inflate_state> state_;
  bool padding_ = false;
  std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Source> make_gunzip_source(Peeked from) {
  return std::make_unique<GunzipSource>(std::move(from));
}

}  // namespace lichen::archive
