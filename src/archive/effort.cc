#include "archive/effort.h"

#include <algorithm>
#include <thread>

#include "archive/block_sink.h"

namespace lichen::archive {

namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

// libzstd's context at each level (ZSTD_estimateCCtxSize), rounded up.
std::uint64_t zstd_context_bytes(int level) {
  static constexpr struct {
    int level;
    std::uint64_t bytes;
  } kSteps[] = {{3, 2 * kMiB},  {6, 4 * kMiB},   {8, 7 * kMiB},
                {9, 13 * kMiB}, {11, 25 * kMiB}, {14, 49 * kMiB}};
  for (const auto& step : kSteps)
    if (level <= step.level) return step.bytes;
  return 82 * kMiB;
}

unsigned threads_within(std::uint64_t bytes, Compression compression, int level, unsigned most) {
  unsigned threads = 1;
  while (threads < most && compressor_bytes(compression, level, threads + 1) <= bytes) ++threads;
  return threads;
}

}  // namespace

std::uint64_t compressor_bytes(Compression compression, int level, unsigned threads) {
  // A block's input, and output that is touched only as far as it is written: never more than that.
  const bool is_zstd = compression == Compression::kZstd;
  const std::uint64_t block = (is_zstd ? 2 * kZstdBlockBytes : 2 * kGzipBlockBytes) + 64 * kKiB;
  const std::uint64_t context = is_zstd ? zstd_context_bytes(level) : 512 * kKiB;
  if (compression == Compression::kNone) return 0;
  return blocks_of(threads) * block + threads * context;
}

Effort effort_within(std::uint64_t bytes, Compression compression, int level, unsigned cpus) {
  const unsigned most = std::clamp(cpus, 1U, kMaxThreads);
  const Effort one{.layers = 1, .threads = threads_within(bytes, compression, level, most)};
  if (2 * compressor_bytes(compression, level, 1) > bytes) return one;
  // Two layers keep each other's idle threads busy; but one that is much larger than the other
  // shall not be left with half of the processors.
  const Effort two{.layers = 2, .threads = threads_within(bytes / 2, compression, level, most)};
  return 4 * two.threads >= 3 * one.threads ? two : one;
}

Effort effort_of(std::uint64_t memory_bytes, Compression compression, int level) {
  return effort_within(memory_bytes > kOtherMemoryBytes ? memory_bytes - kOtherMemoryBytes : 0,
                       compression, level, std::thread::hardware_concurrency());
}

}  // namespace lichen::archive
