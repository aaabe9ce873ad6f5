#include "container/stubs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/file.h"

namespace lichen::container {
namespace {

class Stubs : public testing::Test {
 protected:
  void SetUp() override {
    place_ = testing::TempDir() + "stubs-XXXXXX";
    ASSERT_NE(::mkdtemp(place_.data()), nullptr);
    for (const char* path : {"root/a/b/c", "root/kept/d", "upper/a/b", "upper/kept/d"})
      ASSERT_TRUE(os::mkdirs(place_ + "/" + path));
    root_ = os::open(place_ + "/root", O_RDONLY | O_DIRECTORY).value();
    upper_ = os::open(place_ + "/upper", O_RDONLY | O_DIRECTORY).value();
  }
  void TearDown() override { EXPECT_TRUE(os::remove_tree(place_)); }
  static struct ::stat status_of(const std::string& path) {
    struct ::stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status;
  }
  bool has(const std::string& path) const { return os::exists(place_ + "/" + path); }

  std::string place_;
  os::UniqueFd root_, upper_;
};

TEST_F(Stubs, OnlyEmptyOnesGo) {
  ASSERT_TRUE(os::mkdirs(place_ + "/root/x/y"));
  ASSERT_TRUE(os::replace_file(place_ + "/root/x/empty", ""));
  ASSERT_TRUE(os::replace_file(place_ + "/root/full", "f"));
  remove_stubs(root_, {"/x", "/x/y", "/x/empty", "/full", "/gone"});
  EXPECT_FALSE(has("root/x"));
  EXPECT_TRUE(has("root/full"));
}

TEST_F(Stubs, DirectoriesCopiedUpForThemGo) {
  ASSERT_EQ(::symlink("a/b", (place_ + "/root/link").c_str()), 0);
  const CopiedUpDirectories directories(root_, upper_, {"/link/stub", "/kept/d/stub"});
  ASSERT_TRUE(os::replace_file(place_ + "/upper/kept/d/file", "of the step"));
  directories.prune({});
  EXPECT_FALSE(has("upper/a"));
  EXPECT_TRUE(has("upper/kept/d/file"));
}

TEST_F(Stubs, ChangedDirectoriesStay) {
  const CopiedUpDirectories directories(root_, upper_, {"/a/b/stub", "/kept/d/stub"});
  ASSERT_EQ(::chmod((place_ + "/upper/kept/d").c_str(), 0700), 0);
  directories.prune({{.path = "a/b", .record = {.uid = 5}}});
  EXPECT_TRUE(has("upper/kept/d"));
  EXPECT_TRUE(has("upper/a/b"));
}

TEST_F(Stubs, DirectoriesKeepTheirTimes) {
  constexpr struct ::timespec kOld[2] = {{1'000'000, 0}, {2'000'000, 0}};
  const std::string b = place_ + "/root/a/b";
  ASSERT_EQ(::utimensat(AT_FDCWD, b.c_str(), kOld, 0), 0);
  CopiedUpDirectories directories(root_, upper_, {"/a/b/stub"});
  ASSERT_TRUE(os::replace_file(b + "/stub", ""));
  directories.settle();
  EXPECT_EQ(status_of(b).st_mtime, 2'000'000);
  directories.forget_changed();
  remove_stubs(root_, {"/a/b/stub"});
  EXPECT_EQ(status_of(b).st_mtime, 2'000'000);
  directories.prune({});
  EXPECT_FALSE(has("upper/a/b"));
}

TEST_F(Stubs, WhatTheStepTouchedStays) {
  const std::string b = place_ + "/root/a/b";
  CopiedUpDirectories directories(root_, upper_, {"/a/b/stub"});
  ASSERT_TRUE(os::replace_file(b + "/stub", ""));
  directories.settle();
  ::usleep(20'000);  // the kernel's clock of files ticks
  const auto now = status_of(b);
  const struct ::timespec same[2] = {now.st_atim, now.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, b.c_str(), same, 0), 0);
  directories.forget_changed();
  directories.prune({});
  EXPECT_TRUE(has("upper/a/b"));
}

TEST_F(Stubs, AnEmptyDirectoryThatHidesOneStays) {
  const CopiedUpDirectories directories(root_, upper_, {"/a/b/stub"});
  if (::setxattr((place_ + "/upper/a/b").c_str(), "user.overlay.opaque", "y", 1, 0) < 0)
    GTEST_SKIP() << "no user.* attributes here";
  directories.prune({});
  EXPECT_TRUE(has("upper/a/b"));
}

}  // namespace
}  // namespace lichen::container
