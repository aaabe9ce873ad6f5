#include "build/call.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lichen::build {
namespace {

class CallTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "context");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Answer> ask(Call call, const std::string& dockerfile) {
    std::ofstream(folder_ / "context/Dockerfile") << dockerfile;
    Request request;
    request.context = (folder_ / "context").string();
    return build::call(call, request, {.root = (folder_ / "store").string()},
                       [this](const Event&) { ++events_; });
  }
  bool has_store() const { return std::filesystem::exists(folder_ / "store"); }

  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("call." + std::to_string(::getpid()));
  int events_ = 0;
};

TEST_F(CallTest, NeedsNoStoreWithoutABaseImage) {
  const auto check = ask(Call::kCheck, "FROM scratch\nMAINTAINER me\n");
  ASSERT_TRUE(check) << to_text(check.error());
  EXPECT_TRUE(check->has_warnings);
  EXPECT_FALSE(check->error);
  EXPECT_NE(check->text.find("MaintainerDeprecated"), std::string::npos);
  EXPECT_NE(check->json.find("MaintainerDeprecated"), std::string::npos);
  const auto outline = ask(Call::kOutline, "FROM scratch\nARG A=b\nCOPY --from=other /x /\n");
  ASSERT_TRUE(outline) << to_text(outline.error());
  EXPECT_NE(outline->text.find("A           b"), std::string::npos);
  const auto targets = ask(Call::kTargets, "FROM registry.invalid/x AS a\n");
  ASSERT_TRUE(targets) << to_text(targets.error());
  EXPECT_NE(targets->text.find("a (default)"), std::string::npos);
  EXPECT_FALSE(has_store());
  EXPECT_EQ(events_, 0);
}

TEST_F(CallTest, AnErrorIsPartOfWhatCheckFinds) {
  const auto check = ask(Call::kCheck, "FROM scratch\nMAINTAINER me\nRNU x\n");
  ASSERT_TRUE(check) << to_text(check.error());
  EXPECT_TRUE(check->has_warnings);
  ASSERT_TRUE(check->error);
  EXPECT_EQ(check->error->context.back(), "Dockerfile:3");
  EXPECT_NE(check->json.find("buildError"), std::string::npos);
}

TEST_F(CallTest, AsksForABaseImageOnce) {
  const auto check = ask(Call::kCheck, "FROM oci-layout:///nowhere\nFROM oci-layout:///nowhere\n");
  ASSERT_TRUE(check) << to_text(check.error());
  EXPECT_TRUE(check->error);
  EXPECT_TRUE(has_store());
}

}  // namespace
}  // namespace lichen::build
