#include "archive/compression.h"

#include <gtest/gtest.h>
#include <isa-l.h>
#include <zstd.h>

#include <chrono>
#include <random>

#include "archive/codecs.h"
#include "archive/crc32.h"
#include "archive/testing.h"
#include "base/digest.h"

namespace lichen::archive {
namespace {

using testing::has_program;
using testing::read_file;
using testing::shell;
using testing::temp_dir;
using testing::write_file;

// Compressible, but not trivially: words from a small vocabulary with noise between.
std::string sample(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text;
  text.reserve(size + 64);
  while (text.size() < size) {
    text += "word" + std::to_string(random() % 5000);
    if (random() % 16 == 0)
      for (int i = 0; i < 8; ++i) text += static_cast<char>(random());
  }
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::mt19937 random(3);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string compressed(Compression compression, const std::string& text, unsigned threads = 1,
                       int level = -1, std::size_t piece = 100'000) {
  StringSink sink;
  Hasher plain;
  Result<std::unique_ptr<Sink>> to = make_compressor(compression, level, threads, sink, &plain);
  EXPECT_TRUE(to.has_value());
  for (std::size_t at = 0; at < text.size(); at += piece)
    EXPECT_TRUE((*to)->write(std::string_view(text).substr(at, piece)).has_value());
  EXPECT_TRUE((*to)->close().has_value());
  EXPECT_EQ(plain.finish(), sha256(text));
  return sink.take();
}

// A Source that gives `piece` bytes at most at a time.
class PieceSource final : public Source {
 public:
  PieceSource(std::string_view bytes, std::size_t piece) : rest_(bytes), piece_(piece) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return rest_.read(buffer, std::min(size, piece_));
  }

 private:
  StringSource rest_;
  std::size_t piece_;
};

Result<std::string> decompressed(std::string_view bytes, std::size_t piece = 1 << 20,
                                 std::size_t limit = 64 << 20) {
  PieceSource source(bytes, piece);
  const std::unique_ptr<Source> from = TRY(open_decompressor(source));
  std::string text;
  char buffer[16 * 1024];  // small: hostile tests read many thousand streams
  while (const std::size_t count = TRY(from->read(buffer, sizeof buffer))) {
    if (text.size() + count > limit) return fail(Errc::kInvalid, "more than expected");
    text.append(buffer, count);
  }
  return text;
}

TEST(Detect, ByFirstBytes) {
  const struct {
    std::string_view bytes;
    Compression want;
  } rows[] = {
      {"", Compression::kNone},
      {"\x1f", Compression::kNone},
      {"\x1f\x8b\x08", Compression::kGzip},
      {"\x28\xb5\x2f\xfd", Compression::kZstd},
      {"\x5a\x2a\x4d\x18", Compression::kZstd},
      {"BZh9", Compression::kBzip2},
      {"BZh0", Compression::kNone},
      {std::string_view("\xfd"
                        "7zXZ\0",
                        6),
       Compression::kXz},
      {"some/path", Compression::kNone},
  };
  for (const auto& row : rows) EXPECT_EQ(detect(row.bytes), row.want) << row.bytes;
}

TEST(Crc32, JoinedIsTheCrcOfTheWhole) {
  // CRC-32 check values: "123456789" is cbf43926.
  EXPECT_EQ(crc32_joined(0xd87f7e0c /* test */, 0, 0), 0xd87f7e0cU);
  EXPECT_EQ(crc32_joined(0, 0xcbf43926, 9), 0xcbf43926U);
  // "12345" and "6789"
  EXPECT_EQ(crc32_joined(0xcbf53a1c, 0x9dbabf87, 4), 0xcbf43926U);
}

TEST(Compression, RoundTrips) {
  const std::size_t sizes[] = {0, 1, 511, 1 << 20, (1 << 20) + 1, 4'200'000};
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd})
    for (const std::size_t size : sizes)
      for (const unsigned threads : {1U, 3U}) {
        const std::string text = sample(size);
        const Result<std::string> back = decompressed(compressed(compression, text, threads));
        ASSERT_TRUE(back.has_value()) << to_text(compression) << size << to_text(back.error());
        ASSERT_TRUE(*back == text) << to_text(compression) << size;
      }
}

TEST(Compression, IncompressibleInputGrowsLittle) {
  const std::string text = noise(3'000'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd})
    for (const int level : {1, 4}) {
      const std::string bytes = compressed(compression, text, 2, level);
      EXPECT_LT(bytes.size(), text.size() + text.size() / 100);
      EXPECT_TRUE(decompressed(bytes).value_or("") == text);
    }
}

TEST(Compression, BytesDoNotDependOnThreadsOrPieces) {
  const std::string text = sample(8'500'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd})
    for (const int level : {-1, 4}) {
      const std::string one = compressed(compression, text, 1, level);
      EXPECT_LT(one.size(), text.size() * 3 / 4);
      for (const unsigned threads : {2U, 4U})
        EXPECT_TRUE(compressed(compression, text, threads, level, 77'777) == one)
            << to_text(compression) << threads;
    }
}

// ISA-L's state has another address in each round. A text's first and third bytes begin what comes
// again: what their hashes find must not hang on it.
TEST(Compression, BytesDoNotDependOnAddresses) {
  constexpr std::size_t kTexts = 16, kRounds = 16384;
  std::mt19937 random(3);
  std::vector<std::string> texts(kTexts, std::string(1400, '\0')), first;
  for (std::string& text : texts) {
    for (char& c : text) c = static_cast<char>('A' + random() % 24);
    text.replace(100, 8, text, 0, 8).replace(200, 8, text, 2, 8);
    first.push_back(compressed(Compression::kGzip, text));
  }
  std::vector<std::unique_ptr<char[]>> between;
  for (std::size_t i = 0; i < kRounds; ++i) {
    between.push_back(std::make_unique_for_overwrite<char[]>(64 * 1024));
    ASSERT_TRUE(compressed(Compression::kGzip, texts[i % kTexts]) == first[i % kTexts]) << i;
  }
}

// The same bytes on every CPU: tests/CMakeLists.txt runs this under qemu, as old and as new ones.
// Words, noise, and long runs; more than one block of each format.
TEST(Compression, BytesAreRecorded) {
  if (std::string_view(ZSTD_versionString()) != "1.5.4" || ISAL_MAJOR_VERSION != 2 ||
      ISAL_MINOR_VERSION != 30)
    GTEST_SKIP() << "recorded with zstd 1.5.4 and ISA-L 2.30";
  const std::string text =
      sample(3'000'000, 7) + noise(300'000) + std::string(1'000'000, '\0') + sample(900'000, 8);
  const struct {
    Compression compression;
    int level;
    const char* want;
  } rows[] = {
      {Compression::kGzip, 0, "44dc1049d980"}, {Compression::kGzip, 1, "c35dcdc99d18"},
      {Compression::kGzip, 6, "9d87dd2700a8"}, {Compression::kZstd, 1, "5ac49f9a1faa"},
      {Compression::kZstd, 3, "3c1da2ac372e"}, {Compression::kZstd, 9, "f643f1004ad7"},
  };
  const bool has_gzip = is_gzip_the_same_here();
  for (const auto& row : rows) {
    if (row.compression == Compression::kGzip && !has_gzip) {
      StringSink sink;
      const auto refused = make_compressor(row.compression, row.level, 1, sink);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, Errc::kUnsupported);
      continue;
    }
    EXPECT_EQ(sha256(compressed(row.compression, text, 2, row.level)).short_hex(), row.want)
        << to_text(row.compression) << " " << row.level;
  }
}

TEST(Compression, GzipIsOneMemberWithoutTime) {
  const std::string bytes = compressed(Compression::kGzip, sample(3'000'000), 2);
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST(Compression, LevelsAndFormats) {
  StringSink sink;
  EXPECT_EQ(make_compressor(Compression::kGzip, 10, 1, sink).error().code, Errc::kInvalid);
  EXPECT_EQ(make_compressor(Compression::kZstd, 20, 1, sink).error().code, Errc::kInvalid);
  EXPECT_EQ(make_compressor(Compression::kXz, -1, 1, sink).error().code, Errc::kUnsupported);
  const std::string text = sample(2'000'000);
  EXPECT_LT(compressed(Compression::kGzip, text, 1, 6).size(),
            compressed(Compression::kGzip, text, 1, 1).size());
}

TEST(Compression, OtherProgramsReadIt) {
  const struct {
    Compression compression;
    const char* program;
  } rows[] = {{Compression::kGzip, "gzip"}, {Compression::kZstd, "zstd"}};
  const std::string dir = temp_dir();
  const std::string text = sample(2'500'000);
  unsigned tried = 0;
  for (const auto& row : rows) {
    if (!has_program(row.program)) continue;
    ++tried;
    write_file(dir + "/packed", compressed(row.compression, text, 2));
    std::string output;
    const std::string program = row.program;
    EXPECT_EQ(shell(dir, program + " -t <packed && " + program + " -dc <packed >plain", &output), 0)
        << output;
    EXPECT_TRUE(read_file(dir + "/plain") == text) << program;
  }
  if (tried == 0) GTEST_SKIP() << "neither gzip nor zstd program";
}

TEST(Decompression, ReadsOtherPrograms) {
  const std::string dir = temp_dir();
  const std::string text = sample(150'000);
  write_file(dir + "/plain", text);
  unsigned tried = 0;
  for (const std::string command : {"gzip -9", "gzip -1", "zstd -q", "bzip2", "xz -0"}) {
    if (!has_program(command.substr(0, command.find(' ')))) continue;
    ++tried;
    ASSERT_EQ(shell(dir, command + " -c plain >packed"), 0);
    const std::string bytes = read_file(dir + "/packed");
    for (const std::size_t piece : {7U, 4096U, 1U << 20}) {
      // Two of them are read as one.
      const Result<std::string> back = decompressed(bytes + bytes, piece);
      ASSERT_TRUE(back.has_value()) << command << piece << to_text(back.error());
      EXPECT_TRUE(*back == text + text) << command << piece;
    }
    EXPECT_EQ(decompressed(bytes + "garbage").error().code, Errc::kCorrupt) << command;
    for (const std::size_t cut : {1U, 4U, 9U, 100U, 3000U})
      EXPECT_EQ(decompressed(bytes.substr(0, bytes.size() - cut)).error().code, Errc::kCorrupt)
          << command << cut;
  }
  if (tried == 0) GTEST_SKIP() << "no compression program at all";
}

TEST(Decompression, SmallReadsGiveTheSame) {
  const std::string text = sample(300'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const std::string bytes = compressed(compression, text);
    StringSource source(bytes);
    const auto from = open_decompressor(source);
    ASSERT_TRUE(from.has_value());
    std::string back;
    char buffer[333];
    for (;;) {
      const Result<std::size_t> count = (*from)->read(buffer, sizeof buffer);
      ASSERT_TRUE(count.has_value());
      if (*count == 0) break;
      back.append(buffer, *count);
    }
    EXPECT_TRUE(back == text);
  }
}

TEST(Decompression, ZerosMayFollowGzip) {
  const std::string bytes = compressed(Compression::kGzip, "hello");
  EXPECT_EQ(decompressed(bytes + std::string(5000, '\0')).value_or("?"), "hello");
  EXPECT_EQ(decompressed(bytes + bytes + std::string(3, '\0')).value_or("?"), "hellohello");
  EXPECT_EQ(decompressed(bytes + std::string(3, '\0') + "x").error().code, Errc::kCorrupt);
  EXPECT_EQ(decompressed(bytes + std::string(3, '\0') + bytes).error().code, Errc::kCorrupt);
}

TEST(Decompression, TruncatedAtEveryByteIsCorrupt) {
  const std::string text = sample(3000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const std::string bytes = compressed(compression, text);
    // Below that the format cannot be seen and the bytes pass through.
    for (std::size_t size = 4; size < bytes.size(); ++size) {
      const Result<std::string> back = decompressed(bytes.substr(0, size));
      ASSERT_FALSE(back.has_value()) << to_text(compression) << size;
      ASSERT_EQ(back.error().code, Errc::kCorrupt) << to_text(compression) << size;
    }
  }
}

TEST(Decompression, EveryBitFlippedIsNoticed) {
  const std::string text = sample(600);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const std::string good = compressed(compression, text);
    const std::size_t first = compression == Compression::kGzip ? 10 : 4;
    for (std::size_t bit = 8 * first; bit < 8 * good.size(); ++bit) {
      std::string bytes = good;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      const Result<std::string> back = decompressed(bytes, 1 << 20, 1 << 20);
      if (back) {
        ASSERT_EQ(*back, text) << to_text(compression) << bit;
      }
    }
  }
}

class FailingSink final : public Sink {
 public:
  explicit FailingSink(std::size_t room) : room_(room) {}
  Result<void> write(std::string_view bytes) override {
    if (bytes.size() > room_) return fail(Errc::kNoSpace, "full");
    room_ -= bytes.size();
    return {};
  }

 private:
  std::size_t room_;
};

TEST(Compression, ErrorsOfTheSinkComeBackAndStay) {
  const std::string text = noise(1 << 20);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd})
    for (const unsigned threads : {1U, 2U})
      for (const std::size_t room : {0U, 5'000'000U}) {
        FailingSink full(room);
        Hasher plain;
        const auto to = make_compressor(compression, -1, threads, full, &plain);
        ASSERT_TRUE(to.has_value());
        Result<void> result;
        for (int i = 0; i < 64 && result; ++i) result = (*to)->write(text);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().code, Errc::kNoSpace);
        EXPECT_EQ((*to)->close().error().code, Errc::kNoSpace);
      }
}

TEST(Compression, DroppedWithoutClose) {
  const std::string text = sample(5'000'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd})
    for (const unsigned threads : {1U, 4U}) {
      StringSink sink;
      Hasher plain;
      auto to = make_compressor(compression, -1, threads, sink, &plain);
      ASSERT_TRUE((*to)->write(text).has_value());
      to->reset();
      EXPECT_FALSE(decompressed(sink.bytes()).value_or("") == text);
    }
}

// A layer of one small file must cost next to nothing, whatever the number of threads. The bound
// is generous (a sanitizer is 10 times slower); the time is in the test's log.
TEST(Compression, SmallInputIsCheap) {
  const std::string text = sample(2000);
  auto best = std::chrono::microseconds::max();
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    compressed(Compression::kGzip, text, 8);
    best = std::min(best, std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::steady_clock::now() - start));
  }
  RecordProperty("gzip_small_us", static_cast<int>(best.count()));
  EXPECT_LT(best.count(), 5000);
}

}  // namespace
}  // namespace lichen::archive
