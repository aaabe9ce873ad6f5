#include <gtest/gtest.h>

#include "cli/builds_text.h"
#include "cli/debug_shell.h"

namespace lichen::cli {
namespace {

history::Build sample() {
  history::Build build{.id = "20261129-231455-3f2a9c",
                       .dockerfile = "/x/Dockerfile",
                       .tier = "ids",
                       .names = "app:1",
                       .began = 1'000,
                       .seconds = 3.25,
                       .state = history::State::kFailed,
                       .error = "exit code: 1"};
  history::Step cached{.number = 1, .name = "[1/2] FROM x", .state = history::State::kCached};
  history::Step failed{.number = 2,
                       .name = "[2/2] RUN \x1b[2Jx",
                       .why = "file a changed",
                       .state = history::State::kFailed,
                       .began = 1,
                       .ended = 3,
                       .error = "exit code: 1",
                       .kept = 7};
  failed.log = {{1, false, "one\nt"}, {2, true, "wo\n"}};
  build.steps = {{1, cached}, {2, failed}};
  return build;
}

TEST(Builds, AreListedOneALine) {
  EXPECT_EQ(
      builds_table({sample()}, 1'060),
      "BUILD                    STATUS   CREATED              TIME   STEPS   CACHED   WHAT\n"
      "20261129-231455-3f2a9c   failed   About a minute ago   3.2s   2       1        app:1\n");
  EXPECT_NE(builds_json({sample()}).find("\"status\": \"failed\""), std::string::npos);
  EXPECT_EQ(builds_json({}), "[]\n");
}

TEST(Builds, AreShownWithTheirSteps) {
  const std::string text = build_text(sample());
  EXPECT_NE(text.find("  why: file a changed\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  const std::string json = build_json(sample());
  EXPECT_NE(json.find("\"failedSnapshot\": 7"), std::string::npos) << json;
}

TEST(Builds, ShowWhatStepsWrote) {
  EXPECT_EQ(log_text(sample(), 2),
            "#2 [2/2] RUN \\x1b[2Jx\n#2 MISS: file a changed\n#2 one\n#2 two\n"
            "#2 ERROR: exit code: 1\n\n");
  EXPECT_EQ(log_text(sample(), 1), "#1 [1/2] FROM x\n#1 CACHED\n\n");
}

TEST(Explain, SaysThatNothingRan) {
  build::Explanation explanation{.before = {}, .build = sample(), .steps = {}};
  EXPECT_NE(explanation_text(explanation).find("all came from the cache"), std::string::npos);
  explanation.steps.push_back({.step = 2, .name = "RUN x", .has_run = true, .reasons = {"why"}});
  EXPECT_NE(explanation_text(explanation).find("#2 RUN x\n    why\n"), std::string::npos);
  explanation.before.id = "1";
  explanation.steps[0].has_run = false;
  EXPECT_NE(explanation_text(explanation).find("(came from the cache)"), std::string::npos);
  EXPECT_NE(explanation_json(explanation).find("\"against\": \"1\""), std::string::npos);
}

TEST(Shell, WantsAPlaceAndAStep) {
  EXPECT_FALSE(parse_shell({}, {"1"}, false, {}));
  EXPECT_FALSE(parse_shell({.before = true, .after = true}, {"1"}, false, {}));
  EXPECT_FALSE(parse_shell({.after = true}, {}, false, {}));
  EXPECT_TRUE(parse_shell({.failed = true}, {}, false, {}));
  const auto request =
      parse_shell({.before = true, .build = "3f"}, {"RUN make", "ls", "-l"}, false, {});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->where, build::ShellRequest::Where::kBefore);
  EXPECT_EQ(request->step, "RUN make");
  EXPECT_EQ(request->command, (std::vector<std::string>{"ls", "-l"}));
  const auto alone = parse_shell({.failed = true}, {"sh", "-c", "ls"}, true, {});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->step, "");
  EXPECT_EQ(alone->command, (std::vector<std::string>{"sh", "-c", "ls"}));
  EXPECT_FALSE(parse_shell({.before = true}, {"sh"}, true, {}));
}

}  // namespace
}  // namespace lichen::cli
