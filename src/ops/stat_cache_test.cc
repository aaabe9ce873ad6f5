#include "ops/stat_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace lichen::ops {
namespace {

constexpr ::timespec kLongAgo = {.tv_sec = 1'000'000'000, .tv_nsec = 7};

class StatCaches : public testing::Test {
 protected:
  void SetUp() override {
    base_ = testing::TempDir() + "lichen_stat_cache_" + std::to_string(::getpid());
    ASSERT_TRUE(os::remove_tree(base_));
    ASSERT_TRUE(os::mkdirs(base_));
    directory_ = std::move(*os::open(base_, O_RDONLY | O_DIRECTORY));
    path_ = base_ + "/.cache";
  }
  void TearDown() override { EXPECT_TRUE(os::remove_tree(base_)); }

  void write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(
        os::write_all(*os::openat(directory_, name, O_WRONLY | O_CREAT | O_TRUNC, 0644), content));
  }
  struct ::stat status(const std::string& name) {
    return **os::lstatat(directory_, name);
  }
  // As if the file had been left alone since: stat cannot lie so, a test can.
  struct ::stat old_status(const std::string& name) {
    struct ::stat told = status(name);
    told.st_mtim = told.st_ctim = kLongAgo;
    return told;
  }
  // Whether the cache answers without reading: the file says something else by now.
  bool knows(StatCache& cache, const std::string& name, const struct ::stat& told,
             const std::string& content) {
    write("reference", content);
    return *cache.digest(directory_, name, told) == *read_digest(directory_, "reference");
  }

  std::string base_, path_;
  os::UniqueFd directory_;
};

TEST_F(StatCaches, RemembersWhatWasLeftAlone) {
  for (int i = 0; i < 150; ++i) write("f" + std::to_string(i), "one " + std::to_string(i));
  {
    StatCache cache(path_);
    for (int i = 0; i < 150; ++i) {
      const std::string name = "f" + std::to_string(i);
      ASSERT_TRUE(cache.digest(directory_, name, old_status(name)));
    }
    ASSERT_TRUE(cache.save());
  }
  StatCache cache(path_);
  for (int i = 149; i >= 0; --i) {
    const std::string name = "f" + std::to_string(i);
    const struct ::stat told = old_status(name);
    write(name, "two");
    EXPECT_TRUE(knows(cache, name, told, "one " + std::to_string(i)));
  }
}

TEST_F(StatCaches, AnythingThatStatTellsCounts) {
  write("f", "one");
  StatCache cache(path_);
  const struct ::stat told = old_status("f");
  ASSERT_TRUE(cache.digest(directory_, "f", told));
  write("f", "two");
  EXPECT_TRUE(knows(cache, "f", told, "one"));
  const auto other = [&](auto change) {
    struct ::stat changed = told;
    change(changed);
    return !knows(cache, "f", changed, "one");
  };
  EXPECT_TRUE(other([](auto& s) { s.st_size += 1; }));
  EXPECT_TRUE(other([](auto& s) { s.st_mode ^= 0100; }));
  EXPECT_TRUE(other([](auto& s) { s.st_mtim.tv_nsec += 1; }));
  EXPECT_TRUE(other([](auto& s) { s.st_ctim.tv_nsec += 1; }));
  EXPECT_TRUE(other([](auto& s) { s.st_ino += 1; }));
  EXPECT_TRUE(other([](auto& s) { s.st_dev += 1; }));
}

TEST_F(StatCaches, WhatIsAsNewAsItsDigestIsReadAgain) {
  write("f", "one");
  StatCache cache(path_);
  struct ::stat told = status("f");
  ::clock_gettime(CLOCK_REALTIME_COARSE, &told.st_mtim);
  told.st_mtim.tv_sec += 10;
  ASSERT_TRUE(cache.digest(directory_, "f", told));
  write("f", "two");
  EXPECT_FALSE(knows(cache, "f", told, "one"));
}

// Of every length that a crash may leave, and of another version.
TEST_F(StatCaches, ADamagedFileIsNone) {
  write("f", "one");
  const struct ::stat told = old_status("f");
  {
    StatCache cache(path_);
    ASSERT_TRUE(cache.digest(directory_, "f", told));
    ASSERT_TRUE(cache.save());
  }
  const std::string whole = *os::read_file(path_);
  write("f", "two");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(os::replace_file(path_, whole.substr(0, size)));
    StatCache cache(path_);
    EXPECT_FALSE(knows(cache, "f", told, "one")) << size;
  }
  std::string other = whole;
  other[18] = '1';
  ASSERT_TRUE(os::replace_file(path_, other));
  StatCache cache(path_);
  EXPECT_FALSE(knows(cache, "f", told, "one"));
  ASSERT_TRUE(os::replace_file(path_, whole));
  StatCache right(path_);
  EXPECT_TRUE(knows(right, "f", told, "one"));
}

TEST_F(StatCaches, SavesWhatIsNewBesideWhatWasThere) {
  for (const char* name : {"a", "b"}) {
    write(name, name);
    StatCache cache(path_);
    ASSERT_TRUE(cache.digest(directory_, name, old_status(name)));
    ASSERT_TRUE(cache.save());
  }
  StatCache cache(path_);
  for (const char* name : {"a", "b"}) {
    const struct ::stat told = old_status(name);
    write(name, "other");
    EXPECT_TRUE(knows(cache, name, told, name));
  }
}

}  // namespace
}  // namespace lichen::ops
