#include "store/cache_mount.h"

#include <gtest/gtest.h>

#include <optional>

#include "store/fsck.h"
#include "store/testing.h"

namespace lichen::store {
namespace {

using testing::TempDir;
using Sharing = CacheMount::Sharing;

class CacheMountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Store::open(place_ / "store");
    ASSERT_OK(opened);
    store_ = std::move(*opened);
  }
  Result<CacheMount> open(Sharing sharing, const std::string& id = "/c", bool gives_up = false) {
    return CacheMount::open(
        *store_, {.tier = "ids", .id = id}, sharing,
        [this](const std::string& directory) -> Result<std::string> {
          ++filled_;
          TRY(os::replace_file(directory + "/first", "x"));
          return owners::to_bytes({{.path = "first", .record = {.uid = 7}}});
        },
        [gives_up] { return gives_up; });
  }

  TempDir place_;
  std::unique_ptr<Store> store_;
  int filled_ = 0;
};

TEST_F(CacheMountTest, IsFilledOnceAndKept) {
  std::string directory;
  {
    auto cache = open(Sharing::kShared);
    ASSERT_OK(cache);
    directory = cache->directory();
    ASSERT_NE(cache->owners().find("first"), nullptr);
    EXPECT_EQ(cache->owners().find("first")->uid, 7u);
    ASSERT_OK(os::replace_file(directory + "/second", "y"));
  }
  auto again = open(Sharing::kShared);
  ASSERT_OK(again);
  EXPECT_EQ(again->directory(), directory);
  EXPECT_TRUE(os::exists(directory + "/first"));
  EXPECT_TRUE(os::exists(directory + "/second"));
  EXPECT_EQ(filled_, 1);
  const auto checked = fsck(*store_, {.deep = true});
  ASSERT_OK(checked);
  EXPECT_TRUE(checked->problems.empty()) << checked->problems.front();
}

TEST_F(CacheMountTest, AnotherContentComesWholeOrNotAtAll) {
  const CacheMountName name{.tier = "ids", .id = "/c"};
  const auto never = [] { return false; };
  ASSERT_OK(open(Sharing::kShared));
  const auto failed = CacheMount::replace(
      *store_, name,
      [](const std::string&) -> Result<std::string> { return fail(Errc::kCorrupt, "no archive"); },
      never);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(os::exists(open(Sharing::kShared)->directory() + "/first"));

  const auto fill = [](const std::string& directory) -> Result<std::string> {
    TRY(os::replace_file(directory + "/other", "z"));
    return owners::to_bytes({{.path = "other", .record = {.uid = 9}}});
  };
  const auto garbage = CacheMount::replace(*store_, name, fill, never);
  ASSERT_OK(garbage);
  EXPECT_EQ(garbage->size(), 1u);
  const auto cache = open(Sharing::kShared);
  ASSERT_OK(cache);
  EXPECT_FALSE(os::exists(cache->directory() + "/first"));
  EXPECT_TRUE(os::exists(cache->directory() + "/other"));
  ASSERT_NE(cache->owners().find("other"), nullptr);
  EXPECT_EQ(cache->owners().find("other")->uid, 9u);
  EXPECT_EQ(filled_, 1);

  // It waits for who has the cache open; one that is not there is made.
  const auto waited = CacheMount::replace(*store_, name, fill, [] { return true; });
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, Errc::kCancelled);
  ASSERT_OK(CacheMount::replace(*store_, {.tier = "ids", .id = "new"}, fill, never));
  const auto names = CacheMount::list(*store_);
  ASSERT_OK(names);
  ASSERT_EQ(names->size(), 2u);
  EXPECT_EQ(names->at(0).tier, "ids");
}

TEST_F(CacheMountTest, OwnersOfTwoStepsAreMerged) {
  auto one = open(Sharing::kShared), two = open(Sharing::kShared);
  ASSERT_OK(one);
  ASSERT_OK(two);
  ASSERT_OK(
      one->keep({{.path = "first", .record = {.uid = 7}}, {.path = "a", .record = {.uid = 1}}}));
  ASSERT_OK(two->keep({{.path = "b", .record = {.uid = 2}}}));  // has removed `first`
  const auto after = open(Sharing::kShared);
  ASSERT_OK(after);
  EXPECT_EQ(after->owners().find("first"), nullptr);
  ASSERT_NE(after->owners().find("a"), nullptr);
  ASSERT_NE(after->owners().find("b"), nullptr);
  EXPECT_EQ(after->owners().find("b")->uid, 2u);
}

TEST_F(CacheMountTest, SharingDecidesWhoMayHaveIt) {
  std::optional<Result<CacheMount>> locked(open(Sharing::kLocked));
  ASSERT_OK(*locked);
  EXPECT_EQ(open(Sharing::kLocked, "/c", true).error().code, Errc::kCancelled);
  EXPECT_EQ(open(Sharing::kShared, "/c", true).error().code, Errc::kCancelled);
  ASSERT_OK(open(Sharing::kLocked, "/other", true));
  const auto own = open(Sharing::kPrivate);
  ASSERT_OK(own);
  EXPECT_NE(own->directory(), (*locked)->directory());
  locked.reset();
  ASSERT_OK(open(Sharing::kShared, "/c", true));
}

TEST_F(CacheMountTest, ResetEmptiesIt) {
  { ASSERT_OK(open(Sharing::kShared)); }
  const auto garbage = CacheMount::reset(*store_, {.tier = "ids", .id = "/c"}, [] { return true; });
  ASSERT_OK(garbage);
  ASSERT_EQ(garbage->size(), 1u);
  EXPECT_TRUE(os::exists(garbage->front() + "/fs/first"));
  ASSERT_OK(open(Sharing::kShared));
  EXPECT_EQ(filled_, 2);
}

}  // namespace
}  // namespace lichen::store
