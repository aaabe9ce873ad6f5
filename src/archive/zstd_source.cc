// zstd (RFC 8878), any number of frames, skippable ones among them.
#include <zstd.h>
#include <zstd_errors.h>

#include <optional>
#include <utility>

#include "archive/codecs.h"

namespace lichen::archive {

namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class ZstdSource final : public Source {
 public:
  explicit ZstdSource(Peeked from) : from_(std::move(from)), context_(ZSTD_createDCtx()) {
    LICHEN_ASSERT(context_ != nullptr);
  }

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (failed_) return fail(*failed_);
    Result<std::size_t> count = decompress(buffer, size);
    if (!count) failed_ = count.error();
    return count;
  }

 private:
  Result<std::size_t> decompress(char* buffer, std::size_t size) {
    if (size == 0) return 0;
    for (;;) {
      const bool more = TRY(from_.fill());
      if (!more && between_frames_) return 0;
      ZSTD_inBuffer input{from_.bytes().data(), from_.bytes().size(), 0};
      ZSTD_outBuffer output{buffer, size, 0};
      const std::size_t left = ZSTD_decompressStream(context_.get(), &output, &input);
      from_.consume(input.pos);
      if (ZSTD_isError(left) != 0) return fail(explain(left));
      between_frames_ = left == 0;
      if (output.pos > 0) return output.pos;
      if (!more && !between_frames_) return fail(Errc::kCorrupt, "zstd: truncated");
    }
  }

  // libzstd's own limit on windows (128 MiB) is the one that the format recommends at most.
  static Error explain(std::size_t status) {
    const bool too_large = ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge;
    return {.code = too_large ? Errc::kUnsupported : Errc::kCorrupt,
            .message = std::string("zstd: ") + ZSTD_getErrorName(status)};
  }

  Peeked from_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  bool between_frames_ = false;  // the first frame has been detected
  std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Source> make_zstd_source(Peeked from) {
  return std::make_unique<ZstdSource>(std::move(from));
}

}  // namespace lichen::archive
