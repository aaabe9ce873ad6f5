#include "archive/effort.h"

#include <gtest/gtest.h>

namespace lichen::archive {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(Effort, FitsAndIsNeverNothing) {
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd})
    for (const int level : {-1, 1, 3, 9, 19})
      for (const std::uint64_t budget : {0UL, 20 * kMiB, 88 * kMiB, 1000 * kMiB})
        for (const unsigned cpus : {0U, 1U, 2U, 16U, 1000U}) {
          const Effort effort = effort_within(budget, compression, level, cpus);
          ASSERT_GE(effort.layers, 1U);
          ASSERT_GE(effort.threads, 1U);
          ASSERT_LE(effort.threads, std::max(cpus, 1U));
          if (effort == Effort{}) continue;
          EXPECT_LE(effort.layers * compressor_bytes(compression, level, effort.threads), budget)
              << to_text(compression) << level << " " << budget << " " << cpus;
        }
}

TEST(Effort, GrowsWithTheMachineUntilMemoryEnds) {
  const auto within = [](std::uint64_t mib, int level, unsigned cpus) {
    return effort_within(mib * kMiB, Compression::kZstd, level, cpus);
  };
  EXPECT_EQ(effort_within(88 * kMiB, Compression::kGzip, 1, 2), (Effort{2, 2}));
  EXPECT_EQ(effort_within(88 * kMiB, Compression::kGzip, 1, 8), (Effort{2, 8}));
  EXPECT_EQ(within(88, 3, 2), (Effort{1, 2}));
  EXPECT_EQ(within(1000, 3, 16).threads, 16U);
  EXPECT_LT(within(88, 3, 16).threads, 16U);
  EXPECT_EQ(within(88, 19, 16), (Effort{1, 1}));
  EXPECT_EQ(within(0, 19, 16), (Effort{1, 1}));
}

}  // namespace
}  // namespace lichen::archive
