#include "ops/content_digest.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "os/file.h"

namespace lichen::ops {
namespace {

class ContentDigests : public testing::Test {
 protected:
  void SetUp() override {
    base_ = testing::TempDir() + "lichen_content_" + std::to_string(::getpid());
    ASSERT_TRUE(os::remove_tree(base_));
    ASSERT_TRUE(os::mkdirs(base_ + "/d"));
    root_ = std::move(*os::open(base_, O_RDONLY | O_DIRECTORY));
  }
  void TearDown() override { EXPECT_TRUE(os::remove_tree(base_)); }

  void file(const std::string& path, const std::string& content) {
    ASSERT_TRUE(os::mkdirs((base_ + "/" + path).substr(0, (base_ + "/" + path).rfind('/'))));
    ASSERT_TRUE(os::replace_file(base_ + "/" + path, content));
  }
  // More directories than threads, one with more files than a thread takes at once.
  void many() {
    for (int i = 0; i < 60; ++i)
      for (int k = 0; k < 5; ++k)
        file("d/" + std::to_string(i) + "/s/f" + std::to_string(k), std::to_string(i * k));
    for (int i = 0; i < 700; ++i) file("d/flat/f" + std::to_string(i), "x");
  }
  Result<Digest> digest(const FileDigest& read = read_digest_of, Listing* listing = nullptr,
                        const graph::Ignore* ignore = nullptr) {
    const SourceTree tree{.root = root_, .ignore = ignore, .is_context = true};
    return digest_of(tree, {.input = 0, .src = "/d", .dest = "/"}, read, listing);
  }
  static Result<FileSha256> read_digest_of(const os::UniqueFd& directory, const std::string& name,
                                           const struct ::stat&) {
    return read_digest(directory, name);
  }

  std::string base_;
  os::UniqueFd root_;
};

TEST_F(ContentDigests, IsTheSameWhicheverThreadWasFaster) {
  many();
  const Digest first = *digest();
  for (int round = 0; round < 20; ++round) EXPECT_EQ(*digest(), first);
  Listing listing;  // one thread
  EXPECT_EQ(*digest(read_digest_of, &listing), first);
  EXPECT_GT(listing.finish().size(), 60u);
}

// What is where counts, not only what there is.
TEST_F(ContentDigests, TellsTreesApart) {
  std::set<std::string> seen;
  const auto differs = [&] { EXPECT_TRUE(seen.insert(digest()->text()).second); };
  differs();
  file("d/a", "");
  differs();
  file("d/b/c", "");
  differs();
  ASSERT_TRUE(os::rename(base_ + "/d/a", base_ + "/d/b/a"));
  differs();
  ASSERT_TRUE(os::rename(base_ + "/d/b/c", base_ + "/d/c"));
  differs();
  ASSERT_TRUE(os::mkdirs(base_ + "/d/empty"));
  differs();
  ASSERT_TRUE(os::rename(base_ + "/d/empty", base_ + "/d/b/empty"));
  differs();
  ASSERT_EQ(::symlink("c", (base_ + "/d/link").c_str()), 0);
  differs();
  ASSERT_TRUE(os::unlink(base_ + "/d/link"));
  ASSERT_EQ(::symlink("b", (base_ + "/d/link").c_str()), 0);
  differs();
  ASSERT_EQ(::chmod((base_ + "/d/b").c_str(), 0700), 0);
  differs();
}

TEST_F(ContentDigests, OneErrorEndsItAndIsTold) {
  many();
  const auto result = digest([](const os::UniqueFd& directory, const std::string& name,
                                const struct ::stat&) -> Result<FileSha256> {
    if (name == "f4") return fail(Errc::kDenied, "no");
    return read_digest(directory, name);
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kDenied);
}

TEST_F(ContentDigests, IgnoredDirectoriesAreNotEntered) {
  many();
  file("d/skipped/f", "x");
  ASSERT_EQ(::chmod((base_ + "/d/skipped").c_str(), 0), 0);
  const auto ignore = graph::Ignore::parse("d/skipped\nd/*/s/f0\n").value();
  const auto whole = digest(read_digest_of, nullptr, &ignore);
  ASSERT_TRUE(whole) << whole.error().message;
  file("d/7/s/f0", "changed, and ignored");
  EXPECT_EQ(*digest(read_digest_of, nullptr, &ignore), *whole);
  file("d/7/s/f1", "changed");
  EXPECT_NE(*digest(read_digest_of, nullptr, &ignore), *whole);
  ASSERT_EQ(::chmod((base_ + "/d/skipped").c_str(), 0700), 0);
}

}  // namespace
}  // namespace lichen::ops
