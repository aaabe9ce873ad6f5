// xz, any number of streams. Only ADD of foreign archives meets it.
#include <lzma.h>

#include <optional>
#include <utility>

#include "archive/codecs.h"

namespace lichen::archive {

namespace {

// `xz -9` wants 65 MiB to decompress.
constexpr std::uint64_t kMemoryBytes = 256 * 1024 * 1024;

class XzSource final : public Source {
 public:
  explicit XzSource(Peeked from) : from_(std::move(from)) {
    const lzma_ret status = lzma_stream_decoder(&stream_, kMemoryBytes, LZMA_CONCATENATED);
    LICHEN_ASSERT(status == LZMA_OK);
  }
  ~XzSource() override { lzma_end(&stream_); }

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (failed_) return fail(*failed_);
    Result<std::size_t> count = decompress(buffer, size);
    if (!count) failed_ = count.error();
    return count;
  }

 private:
  Result<std::size_t> decompress(char* buffer, std::size_t size) {
    if (size == 0) return 0;
    while (!ended_) {
      const bool more = TRY(from_.fill());
      const std::string_view input = from_.bytes();
      stream_.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
      stream_.avail_in = input.size();
      stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer);
      stream_.avail_out = size;
      const lzma_ret status = lzma_code(&stream_, more ? LZMA_RUN : LZMA_FINISH);
      from_.consume(input.size() - stream_.avail_in);
      ended_ = status == LZMA_STREAM_END;
      if (!ended_ && status != LZMA_OK) return fail(explain(status));
      if (const std::size_t count = size - stream_.avail_out; count > 0) return count;
    }
    return 0;
  }

  static Error explain(lzma_ret status) {
    switch (status) {
      case LZMA_MEMLIMIT_ERROR:
        return {.code = Errc::kUnsupported, .message = "xz: wants more than 256 MiB of memory"};
      case LZMA_OPTIONS_ERROR:
        return {.code = Errc::kUnsupported, .message = "xz: unknown filter or option"};
      case LZMA_BUF_ERROR:
        return {.code = Errc::kCorrupt, .message = "xz: truncated"};
      case LZMA_FORMAT_ERROR:
        return {.code = Errc::kCorrupt, .message = "xz: garbage at the end"};
      default:
        return {.code = Errc::kCorrupt, .message = "xz: damaged data"};
    }
  }

  Peeked from_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
  std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Source> make_xz_source(Peeked from) {
  return std::make_unique<XzSource>(std::move(from));
}

}  // namespace lichen::archive
