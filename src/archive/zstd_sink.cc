// zstd (RFC 8878) as frames of fixed input size with content size and checksum. One frame that
// libzstd cuts for its own threads would differ from a single-threaded one.
#include <zstd.h>

#include "archive/block_sink.h"
#include "archive/codecs.h"

namespace lichen::archive {

namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class ZstdCodec final : public BlockCodec {
 public:
  explicit ZstdCodec(int level) : context_(ZSTD_createCCtx()) {
    LICHEN_ASSERT(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<void> compress(CompressionBlock& block) override {
    const std::size_t capacity = ZSTD_compressBound(block.input_bytes);
    char* const output = block.reserve_output(capacity);
    block.output_bytes =
        ZSTD_compress2(context_.get(), output, capacity, block.input.get(), block.input_bytes);
    if (ZSTD_isError(block.output_bytes) != 0)
      return fail(Errc::kInternal,
                  std::string("zstd failed: ") + ZSTD_getErrorName(block.output_bytes));
    return {};
  }

 private:
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
};

class ZstdSink final : public BlockSink {
 public:
  ZstdSink(int level, unsigned threads, Sink& to, Hasher* plain)
      : BlockSink(kZstdBlockBytes, threads, to, plain), level_(level) {}
  ~ZstdSink() override { stop(); }

 private:
  std::unique_ptr<BlockCodec> make_codec() const override {
    return std::make_unique<ZstdCodec>(level_);
  }
  std::string begin() override { return {}; }
  void emitted(const CompressionBlock&) override { any_ = true; }
  std::string end() override {
    if (any_) return {};
    // An empty input is an empty frame, not nothing.
    CompressionBlock empty;
    empty.input = std::make_unique<char[]>(1);
    const Result<void> compressed = ZstdCodec(level_).compress(empty);
    LICHEN_ASSERT(compressed.has_value());
    return {empty.output.get(), empty.output_bytes};
  }

  int level_;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_zstd_sink(int level, unsigned threads, Sink& to, Hasher* plain) {
  return std::make_unique<ZstdSink>(level, threads, to, plain);
}

}  // namespace lichen::archive
