#include "cli/report.h"

#include <gtest/gtest.h>

namespace lichen::cli {
namespace {

TEST(Report, DetailMessageHint) {
  Error error{.code = Errc::kFailed,
              .message = "exit status 2",
              .context = {"RUN make", "Dockerfile:7"},
              .hint = "look above",
              .detail = "------\n > RUN make:\nno\n------\n"};
  EXPECT_EQ(error_text(error),
            "------\n > RUN make:\nno\n------\n"
            "lichen: Dockerfile:7: RUN make: exit status 2\nhint: look above\n");
}

TEST(Report, ForeignBytesCannotDriveTheTerminalOrPoseAsLines) {
  const Error error{.code = Errc::kNotFound, .message = "no \x1b[2J\rimage\nlichen: all is well"};
  EXPECT_EQ(error_text(error), "lichen: no \\x1b[2J\\x0dimage\n  lichen: all is well\n");
}

}  // namespace
}  // namespace lichen::cli
