#include "sandbox/filter.h"

#include <gtest/gtest.h>
TEST(X, Z) {
  EXPECT_TRUE(true);
}
