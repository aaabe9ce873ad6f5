#include "ops/limits.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace lichen::ops {
namespace {

TEST(Limits, AreThoseOfTheKernel) {
  const auto limits = limits_of({{"core", 0, 0}, {"nofile", 3, 4}});
  ASSERT_TRUE(limits) << to_text(limits.error());
  ASSERT_EQ(limits->size(), 2u);
  EXPECT_EQ(limits->at(0).resource, RLIMIT_CORE);
  EXPECT_EQ(limits->at(1).resource, RLIMIT_NOFILE);
  EXPECT_EQ(limits->at(1).soft, 3u);
  EXPECT_EQ(limits->at(1).hard, 4u);
}

// In a process of its own: a hard limit that was lowered stays so.
TEST(LimitsDeathTest, BeyondOurOwnAreRefused) {
  const auto look = [] {
    const rlimit own{100, 200};
    ::setrlimit(RLIMIT_NOFILE, &own);
    const bool up_to = limits_of({{"nofile", 150, 200}}).has_value();
    const auto beyond = limits_of({{"nofile", 150, 201}});
    const auto unlimited = limits_of({{"nofile", 1, -1}});
    const bool good = up_to && !beyond && !unlimited && beyond.error().code == Errc::kDenied &&
                      to_text(beyond.error()) ==
                          "--ulimit nofile=150:201: the hard limit that lichen was started with is "
                          "200, and an ordinary user cannot raise it";
    ::_exit(good ? 0 : 1);
  };
  EXPECT_EXIT(look(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lichen::ops
