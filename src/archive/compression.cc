#include "archive/compression.h"

#include <utility>

#include "archive/codecs.h"
#include "base/text.h"

namespace lichen::archive {

namespace {

class PassingSource final : public Source {
 public:
  explicit PassingSource(Peeked from) : from_(std::move(from)) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return from_.read(buffer, size);
  }

 private:
  Peeked from_;
};

class PassingSink final : public Sink {
 public:
  PassingSink(Sink& to, Hasher* plain) : to_(to), plain_(plain) {}
  Result<void> write(std::string_view bytes) override {
    if (plain_ != nullptr) plain_->update(bytes);
    return to_.write(bytes);
  }
  Result<void> close() override { return to_.close(); }

 private:
  Sink& to_;
  Hasher* plain_;
};

// A zstd frame, or a skippable frame that some writers begin with (RFC 8878, 3.1.2).
bool is_zstd(std::string_view bytes) {
  if (starts_with(bytes, "\x28\xb5\x2f\xfd")) return true;
  return bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes.substr(1, 3) == "\x2a\x4d\x18";
}

Result<int> parse_level(int level, int lowest, int highest, int standard) {
  if (level == -1) return standard;
  if (level < lowest || level > highest)
    return fail(Errc::kInvalid, "compression level " + std::to_string(level) + " is not in " +
                                    std::to_string(lowest) + " to " + std::to_string(highest));
  return level;
}

}  // namespace

Compression detect(std::string_view first_bytes) {
  if (starts_with(first_bytes, "\x1f\x8b")) return Compression::kGzip;
  if (is_zstd(first_bytes)) return Compression::kZstd;
  if (first_bytes.size() >= 4 && starts_with(first_bytes, "BZh") && first_bytes[3] >= '1' &&
      first_bytes[3] <= '9')
    return Compression::kBzip2;
  if (starts_with(first_bytes, std::string_view("\xfd"
                                                "7zXZ\0",
                                                6)))
    return Compression::kXz;
  return Compression::kNone;
}

const char* to_text(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
  }
  return "?";
}

Result<std::unique_ptr<Source>> open_decompressor(Source& from, Compression* found) {
  Peeked peeked(from);
  TRY(peeked.want(kMagicBytes));
  const Compression compression = detect(peeked.bytes());
  if (found != nullptr) *found = compression;
  switch (compression) {
    case Compression::kGzip:
      return make_gunzip_source(std::move(peeked));
    case Compression::kZstd:
      return make_zstd_source(std::move(peeked));
    case Compression::kBzip2:
      return make_bzip2_source(std::move(peeked));
    case Compression::kXz:
      return make_xz_source(std::move(peeked));
    case Compression::kNone:
      break;
  }
  return std::make_unique<PassingSource>(std::move(peeked));
}

Result<std::unique_ptr<Sink>> make_compressor(Compression compression, int level, unsigned threads,
                                              Sink& to, Hasher* plain) {
  switch (compression) {
    case Compression::kNone:
      return std::make_unique<PassingSink>(to, plain);
    case Compression::kGzip:
      level = TRY(parse_level(level, 0, 9, 1));
      if (!is_gzip_the_same_here())
        return fail(Errc::kUnsupported,
                    "without SSE4.2, which this processor lacks, gzip would have other bytes than "
                    "on other machines",
                    "compression=zstd and compression=uncompressed are the same on all of them");
      return make_gzip_sink(level, threads, to, plain);
    case Compression::kZstd:
      return make_zstd_sink(TRY(parse_level(level, 1, 19, 3)), threads, to, plain);
    case Compression::kBzip2:
    case Compression::kXz:
      break;
  }
  return fail(Errc::kUnsupported, std::string("compressing with ") + to_text(compression));
}

}  // namespace lichen::archive
