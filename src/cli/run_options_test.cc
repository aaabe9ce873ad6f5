#include "cli/run_options.h"

#include <gtest/gtest.h>

namespace lichen::cli {
namespace {

using Args = std::vector<std::string>;

TEST(RunOptions, TakesFlagsUntilTheImage) {
  const auto options = parse_run({"-it",        "-v",
                                  "/a:/b:ro",   "-e",
                                  "A=1",        "-e",
                                  "HOME",       "-w",
                                  "/src",       "-u",
                                  "1:2",        "--entrypoint",
                                  "",           "--network=none",
                                  "--rm",       "--pull=always",
                                  "--platform", "arm",
                                  "--tier",     "ids",
                                  "--ulimit",   "core=0",
                                  "app:1",      "sh",
                                  "-c",         "[a,b]",
                                  "--rm",       "-e"});
  ASSERT_TRUE(options) << to_text(options.error());
  const build::RunRequest& request = options->request;
  EXPECT_TRUE(request.interactive && request.terminal && request.pull);
  EXPECT_EQ(request.volumes, Args{"/a:/b:ro"});
  EXPECT_EQ(request.env, (Args{"A=1", "HOME"}));
  EXPECT_EQ(request.workdir, "/src");
  EXPECT_EQ(request.user, "1:2");
  EXPECT_EQ(request.entrypoint, "");
  EXPECT_EQ(oci::to_text(request.platform.value()), "linux/arm/v7");
  EXPECT_EQ(request.network, graph::NetworkMode::kNone);
  EXPECT_EQ(options->environment.tier, build::TierChoice::kIds);
  EXPECT_EQ(request.ulimits, (std::vector<graph::Ulimit>{{"core", 0, 0}}));
  EXPECT_EQ(request.image, "app:1");
  EXPECT_EQ(request.command, (Args{"sh", "-c", "[a,b]", "--rm", "-e"}));
}

TEST(RunOptions, LeavesWhatIsNotGiven) {
  const auto options = parse_run({"app"});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->request.entrypoint || options->request.platform);
  EXPECT_TRUE(options->request.command.empty());
  EXPECT_FALSE(options->request.interactive || options->request.terminal);
}

TEST(RunOptions, Mistakes) {
  const struct {
    Args args;
    Errc code;
    const char* text;
  } rows[] = {
      {{},
       Errc::kInvalid,
       "lichen run needs at least 1 argument (IMAGE [COMMAND [ARGUMENT…]]), got 0"},
      {{"-m", "1g", "app"}, Errc::kUnsupported, "-m: not supported yet"},
      {{"--privileged", "app"}, Errc::kUnsupported, "--privileged: not supported yet"},
      {{"--pull=sometimes", "app"}, Errc::kInvalid, "--pull: \"sometimes\" is not a pull policy"},
      {{"--volum", "/a:/b", "app"}, Errc::kInvalid, "unknown flag --volum"},
  };
  for (const auto& row : rows) {
    const auto options = parse_run(row.args);
    ASSERT_FALSE(options) << row.text;
    EXPECT_EQ(to_text(options.error()), row.text);
    EXPECT_EQ(options.error().code, row.code) << row.text;
  }
}

}  // namespace
}  // namespace lichen::cli
