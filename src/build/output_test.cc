#include <gtest/gtest.h>

#include "build/export.h"
#include "build/request.h"
#include "build/steps.h"

namespace lichen::build {
namespace {

TEST(ParseOutput, TakesTheFormsOfDocker) {
  const struct {
    const char* text;
    OutputKind kind;
    const char* dest;
  } rows[] = {
      {"-", OutputKind::kTar, "-"},
      {"out", OutputKind::kLocal, "out"},
      {"type=oci,dest=x.tar", OutputKind::kOci, "x.tar"},
      {"type=docker", OutputKind::kDocker, "-"},
      {"type=tar,dest=-", OutputKind::kTar, "-"},
      {"type=local,dest=d", OutputKind::kLocal, "d"},
      {"type=cacheonly", OutputKind::kCache, ""},
      {"type=image,push=true", OutputKind::kPush, ""},
      {"type=registry", OutputKind::kPush, ""},
  };
  for (const auto& row : rows) {
    const auto output = parse_output(row.text);
    ASSERT_TRUE(output) << row.text;
    EXPECT_EQ(output->kind, row.kind) << row.text;
    EXPECT_EQ(output->dest, row.dest) << row.text;
  }
  EXPECT_EQ(parse_output("type=what").error().code, Errc::kInvalid);
  EXPECT_EQ(parse_output("type=local").error().code, Errc::kInvalid);
  EXPECT_EQ(parse_output("type=oci,annotations.x=y").error().code, Errc::kUnsupported);
  const auto noted = parse_output("type=oci,dest=x,annotation-index.a.B=c");
  ASSERT_TRUE(noted) << to_text(noted.error());
  ASSERT_EQ(noted->annotations.size(), 1u);
  EXPECT_EQ(noted->annotations[0].key, "a.B");
  EXPECT_TRUE(noted->attributes.empty());
}

TEST(CheckOutputs, TellsMistakesBeforeBuilding) {
  EXPECT_EQ(check_outputs({.outputs = {{.kind = OutputKind::kPush}}}).error().code, Errc::kInvalid);
  EXPECT_EQ(check_outputs({.tags = {"Upper/Case"}}).error().code, Errc::kInvalid);
  EXPECT_EQ(check_outputs({.outputs = {{.kind = OutputKind::kOci,
                                        .dest = "x",
                                        .attributes = {{"compression", "estargz"}}}}})
                .error()
                .code,
            Errc::kUnsupported);
  EXPECT_EQ(check_outputs({.outputs = {{.kind = OutputKind::kOci,
                                        .dest = "x",
                                        .attributes = {{"rewrite-timestamp", "maybe"}}}}})
                .error()
                .code,
            Errc::kInvalid);
  for (const auto& [value, good] : {std::pair("", true), std::pair("12", true),
                                    std::pair("soon", false), std::pair("-1", false)})
    EXPECT_EQ(check_outputs({.outputs = {{.kind = OutputKind::kOci,
                                          .dest = "x",
                                          .attributes = {{"source-date-epoch", value}}}}})
                  .has_value(),
              good)
        << value;
  EXPECT_TRUE(check_outputs({.tags = {"a:1"}}));
}

TEST(Steps, NumbersInOrderOfFirstMentionAndKeepsTheTail) {
  std::vector<int> numbers;
  Steps steps([&](const Event& event) {
    if (const auto* started = std::get_if<StepStarted>(&event)) numbers.push_back(started->step);
  });
  steps.started("b", "B");
  steps.started("a", "A");
  steps.started("b", "B");
  EXPECT_EQ(numbers, (std::vector<int>{1, 2, 1}));
  steps.log("a", false, std::string(100'000, 'x') + "end\n");
  EXPECT_LE(steps.tail("a").size(), 16u * 1024);
  EXPECT_EQ(steps.tail("a").substr(steps.tail("a").size() - 4), "end\n");
}

}  // namespace
}  // namespace lichen::build
