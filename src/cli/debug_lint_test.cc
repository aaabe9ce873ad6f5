#include "cli/debug_lint.h"

#include <gtest/gtest.h>

namespace lichen::cli {
namespace {

TEST(DebugLint, PrintsALineForEachWarningAndTheError) {
  EXPECT_EQ(
      lint_text({.dockerfile = "FROM debian\nMAINTAINER me\nRNU x\n", .file = "Dockerfile"}),
      "{\"rule\":\"MaintainerDeprecated\",\"detail\":\"Maintainer instruction is deprecated in "
      "favor of using label\",\"line\":2}\n"
      "{\"error\":\"dockerfile parse error on line 3: unknown instruction: RNU (did you mean "
      "RUN?)\",\"line\":3}\n");
  EXPECT_EQ(lint_text({.dockerfile = "FROM debian\nRUN true\n", .file = "Dockerfile"}), "");
}

}  // namespace
}  // namespace lichen::cli
