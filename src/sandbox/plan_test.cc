#include "sandbox/plan.h"

#include <gtest/gtest.h>
TEST(X, A) {
  EXPECT_TRUE(true);
}
