#include "build/context_archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "archive/compression.h"
#include "archive/testing.h"

namespace lichen::build {
namespace {

using archive::Entry;
using archive::EntryType;
namespace fs = std::filesystem;

using archive::testing::Item;

Item file(const std::string& path, const std::string& content, unsigned mode = 0644) {
  return {{.path = path, .mode = mode, .size = content.size(), .mtime_s = 1000}, content};
}
Item directory(const std::string& path, unsigned mode, std::int64_t mtime) {
  return {{.path = path, .type = EntryType::kDirectory, .mode = mode, .mtime_s = mtime}, ""};
}
Item link(const std::string& path, EntryType type, const std::string& target) {
  return {{.path = path, .type = type, .mode = 0777, .mtime_s = 1000, .link = target}, ""};
}

std::string tar_of(const std::vector<Item>& items) {
  const auto tar = archive::testing::to_tar(items);
  EXPECT_TRUE(tar);
  return tar.value_or("");
}

class ContextArchive : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "context");
    std::ofstream(folder_ / "outside") << "outside";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<std::optional<std::int64_t>> unpack(const std::string& bytes) {
    StringSource source(bytes);
    return unpack_context(source, (folder_ / "context").string(), nullptr);
  }
  std::string content(const std::string& path) const {
    std::ifstream in(folder_ / "context" / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  struct ::stat status(const std::string& path) const {
    struct ::stat status {};
    EXPECT_EQ(::lstat((folder_ / "context" / path).c_str(), &status), 0) << path;
    return status;
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / ("context_archive." + std::to_string(::getpid()));
};

TEST(IsArchive, ByContent) {
  const std::string tar = tar_of({file("a", "x")});
  EXPECT_TRUE(is_archive(tar.substr(0, kArchiveHeadBytes)));
  EXPECT_TRUE(is_archive(std::string(kArchiveHeadBytes, '\0'))) << "an empty archive";
  EXPECT_TRUE(is_archive("\x1f\x8b\x08"));
  EXPECT_FALSE(is_archive("FROM scratch\n"));
  EXPECT_FALSE(is_archive(std::string(kArchiveHeadBytes, '#')));
  EXPECT_FALSE(is_archive(""));
}

TEST_F(ContextArchive, KeepsModesTimesAndLinks) {
  const auto newest =
      unpack(tar_of({directory("d", 0500, 50), file("d/run", "#!", 04555),
                     link("d/hard", EntryType::kHardlink, "d/run"),
                     link("soft", EntryType::kSymlink, "d/run"), file("secret", "s", 0)}));
  ASSERT_TRUE(newest) << to_text(newest.error());
  EXPECT_EQ(*newest, 1000);
  EXPECT_EQ(status("d").st_mode & 07777, 0700u) << "its owner can work in it";
  EXPECT_EQ(status("d").st_mtime, 50);
  EXPECT_EQ(status("d/run").st_mode & 07777, 04555u);
  EXPECT_EQ(status("d/run").st_mtime, 1000);
  EXPECT_EQ(status("d/run").st_ino, status("d/hard").st_ino);
  EXPECT_EQ(fs::read_symlink(folder_ / "context/soft"), "d/run");
  EXPECT_EQ(status("secret").st_mode & 07777, 0400u);
}

TEST_F(ContextArchive, LaterEntriesReplaceEarlierOnes) {
  const auto unpacked = unpack(tar_of({file("a", "1"), directory("b", 0755, 1), file("b/c", "2"),
                                       file("b", "3"), directory("a", 0755, 1), file("a/x", "4")}));
  ASSERT_TRUE(unpacked) << to_text(unpacked.error());
  EXPECT_EQ(content("b"), "3");
  EXPECT_EQ(content("a/x"), "4");
}

TEST_F(ContextArchive, NothingLeavesTheDirectory) {
  const std::string outside = (folder_ / "outside").string();
  const auto unpacked = unpack(
      tar_of({link("up", EntryType::kSymlink, ".."), link("file", EntryType::kSymlink, outside),
              file("up/outside", "changed"), file("file", "changed")}));
  ASSERT_TRUE(unpacked) << to_text(unpacked.error());
  std::ifstream in(outside);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "outside");
  EXPECT_EQ(content("outside"), "changed") << "\"..\" of the root is the root";
  EXPECT_EQ(content("file"), "changed");
  const Item far = link("far", EntryType::kSymlink, folder_.string());
  EXPECT_FALSE(unpack(tar_of({far, file("far/outside", "changed")})));
  EXPECT_FALSE(unpack(tar_of({far, link("hard", EntryType::kHardlink, "far/outside")})));
  EXPECT_FALSE(fs::exists(folder_ / "context/hard"));
}

TEST_F(ContextArchive, WhatCannotBe) {
  Entry device{.path = "null", .type = EntryType::kCharDevice, .mode = 0666};
  device.dev_major = 1;
  device.dev_minor = 3;
  const auto refused = unpack(tar_of({{device, ""}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  const std::string tar = tar_of({file("a", std::string(2000, 'x'))});
  const auto cut = unpack(tar.substr(0, 1500));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::kCorrupt);
  const std::atomic<bool> cancelled = true;
  StringSource source(tar);
  const auto stopped = unpack_context(source, (folder_ / "context").string(), &cancelled);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::kCancelled);
}

}  // namespace
}  // namespace lichen::build
