#include "dockerfile/outline.h"

#include <gtest/gtest.h>

#include "dockerfile/targets.h"
#include "dockerfile/testing.h"

namespace lichen::dockerfile {
namespace {

Result<std::string> outline_text(const std::string& text, const std::string& target = "") {
  FakeImages images;
  return to_text(TRY(outline_of(
      {.dockerfile = text, .file = "Dockerfile", .target = target, .build_args = {{"GIVEN", "g"}}},
      images)));
}

TEST(Outline, HasTheArgsThatCountForTheTarget) {
  const auto text = outline_text(
      "# TAG is what to start from\n"
      "ARG TAG=1 UNUSED=2\n"
      "ARG PART=a\n"
      "ARG WHOLE=${PART}b\n"
      "FROM one:$TAG AS base\n"
      "# GIVEN comes from outside\n"
      "ARG GIVEN\n"
      "FROM scratch AS other\n"
      "ARG OTHER=1\n"
      "# app is the result\n"
      "FROM base AS app\n"
      "ARG WHOLE LOCAL=$GIVEN\n");
  ASSERT_TRUE(text) << to_text(text.error());
  EXPECT_EQ(*text,
            "TARGET:      app\n"
            "DESCRIPTION: is the result\n"
            "\n"
            "BUILD ARG   VALUE   DESCRIPTION\n"
            "TAG         1       is what to start from\n"
            "PART        a       \n"
            "WHOLE       ab      \n"
            "GIVEN       g       comes from outside\n"
            "LOCAL       g       \n"
            "\n");
}

TEST(Outline, FollowsWhatIsCopiedFrom) {
  const auto text = outline_text("FROM scratch AS a\nARG A=1\nFROM scratch\nCOPY --from=a /x /\n");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "BUILD ARG   VALUE   DESCRIPTION\nA           1       \n\n");
}

TEST(Outline, ErrorsNameTheirPlace) {
  const auto text = outline_text("FROM scratch\nRNU x\n");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().context.back(), "Dockerfile:2");
}

TEST(Targets, ListsTheStages) {
  const Frontend request{.dockerfile = "# build makes it\nFROM $X AS build\nFROM --platform=$P y\n",
                         .file = "Dockerfile"};
  const auto targets = list_targets(request);
  ASSERT_TRUE(targets);
  EXPECT_EQ(to_text(*targets),
            "TARGET      DESCRIPTION\n"
            "build       makes it\n"
            "(default)   \n");
  EXPECT_EQ(to_json(*targets, request).find("\"base\": \"$X\"") != std::string::npos, true);
  EXPECT_EQ((*targets)[1].platform, "$P");
}

TEST(Targets, RefusesWhatIsNoDockerfile) {
  const auto targets = list_targets({.dockerfile = "RUN x\n", .file = "Dockerfile"});
  ASSERT_FALSE(targets);
  EXPECT_EQ(targets.error().context.back(), "Dockerfile:1");
}

}  // namespace
}  // namespace lichen::dockerfile
