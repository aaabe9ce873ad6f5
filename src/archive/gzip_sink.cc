// gzip (RFC 1952) as one member: header, deflate blocks that each end in a full flush, an empty
// last block, CRC and length.
#include <isa-l.h>

#include "archive/block_sink.h"
#include "archive/codecs.h"
#include "archive/crc32.h"

namespace lichen::archive {

namespace {

// What a block begins with is flushed by itself. ISA-L 2.30 takes the hash of a stream's third byte
// from the address of its state (igzip_icf_body_h1_gr_bt.asm: write_first_byte uses a register that
// has not been set), so that of some thousand blocks one had other bytes in the next process. The
// loop that finishes a flush does not, and so few bytes never get to the other.
constexpr std::uint32_t kFirstBytes = 16;

// ISA-L's level 3 gives other bytes on other CPUs (SSE, AVX2, AVX-512); 0 to 2 do not.
int isal_level(int level) {
  if (level == 0) return 0;
  return level < 4 ? 1 : 2;
}

class DeflateCodec final : public BlockCodec {
 public:
  explicit DeflateCodec(int level)
      : stream_(std::make_unique_for_overwrite<isal_zstream>()),
        level_(isal_level(level)),
        level_bytes_(level_ == 0   ? 0
                     : level_ == 1 ? ISAL_DEF_LVL1_DEFAULT
                                   : ISAL_DEF_LVL2_DEFAULT),
        level_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(level_bytes_)) {
    isal_deflate_init(stream_.get());
  }

  Result<void> compress(CompressionBlock& block) override {
    const auto size = static_cast<std::uint32_t>(block.input_bytes);
    auto* const input = reinterpret_cast<std::uint8_t*>(block.input.get());
    block.crc = crc32_gzip_refl(0, input, size);
    // Room for the worst case, so that the output is never cut (which could change it).
    const std::size_t capacity = 2 * block.input_bytes + 64 * 1024;
    auto* const output = reinterpret_cast<std::uint8_t*>(block.reserve_output(capacity));
    isal_deflate_reset(stream_.get());
    stream_->level = static_cast<std::uint32_t>(level_);
    stream_->level_buf = level_bytes_ == 0 ? nullptr : level_buffer_.get();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_bytes_);
    stream_->gzip_flag = IGZIP_DEFLATE;
    stream_->end_of_stream = 0;
    stream_->next_in = input;
    stream_->next_out = output;
    stream_->avail_out = static_cast<std::uint32_t>(capacity);
    const std::uint32_t first = level_ > 0 && size > kFirstBytes ? kFirstBytes : 0;
    if (first > 0) TRY(deflate(first, SYNC_FLUSH));
    TRY(deflate(size - first, FULL_FLUSH));
    block.output_bytes = capacity - stream_->avail_out;
    return {};
  }

 private:
  Result<void> deflate(std::uint32_t bytes, std::uint16_t flush) {
    stream_->avail_in = bytes;
    stream_->flush = flush;
    const int status = isal_deflate(stream_.get());
    if (status != COMP_OK || stream_->avail_in != 0 || stream_->avail_out == 0)
      return fail(Errc::kInternal, "deflate failed: " + std::to_string(status));
    return {};
  }

  std::unique_ptr<isal_zstream> stream_;
  int level_;
  std::size_t level_bytes_;
  std::unique_ptr<std::uint8_t[]> level_buffer_;
};

void append_little_endian(std::uint32_t value, std::string& bytes) {
  for (int i = 0; i < 4; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
}

class GzipSink final : public BlockSink {
 public:
  GzipSink(int level, unsigned threads, Sink& to, Hasher* plain)
      : BlockSink(kGzipBlockBytes, threads, to, plain), level_(level) {}
  ~GzipSink() override { stop(); }

 private:
  std::unique_ptr<BlockCodec> make_codec() const override {
    return std::make_unique<DeflateCodec>(level_);
  }
  // Deflate, no flags, no time, no extra flags, unknown system.
  std::string begin() override { return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10); }
  void emitted(const CompressionBlock& block) override {
    crc_ = crc32_joined(crc_, block.crc, block.input_bytes);
    bytes_ += static_cast<std::uint32_t>(block.input_bytes);
  }
  std::string end() override {
    std::string bytes("\x03\0", 2);  // an empty last block of fixed codes
    append_little_endian(crc_, bytes);
    append_little_endian(bytes_, bytes);
    return bytes;
  }

  int level_;
  std::uint32_t crc_ = 0;
  std::uint32_t bytes_ = 0;  // modulo 2^32, as the format has it
};

}  // namespace

// ISA-L hashes with SSE4.2's crc32 instruction, or else in another way, which finds other matches.
bool is_gzip_the_same_here() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("sse4.2") != 0;
#else
  return true;
#endif
}

std::unique_ptr<Sink> make_gzip_sink(int level, unsigned threads, Sink& to, Hasher* plain) {
  return std::make_unique<GzipSink>(level, threads, to, plain);
}

}  // namespace lichen::archive
