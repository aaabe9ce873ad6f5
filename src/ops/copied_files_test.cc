#include "ops/copied_files.h"

#include <gtest/gtest.h>

namespace lichen::ops {
namespace {

struct ::stat source() {
  struct ::stat status {};
  status.st_dev = 1;
  status.st_ino = 2;
  status.st_size = 3;
  status.st_mtim = {.tv_sec = 100, .tv_nsec = 5};
  status.st_ctim = {.tv_sec = 200, .tv_nsec = 6};
  return status;
}

TEST(CopiedFiles, MarksTellSourcesApart) {
  const auto one = CopiedFiles::mark("a/b", source());
  EXPECT_EQ(one, CopiedFiles::mark("a/b", source()));
  EXPECT_NE(one, CopiedFiles::mark("a/c", source()));
  const auto differs = [&](auto change) {
    struct ::stat other = source();
    change(other);
    return CopiedFiles::mark("a/b", other) != one;
  };
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_dev; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_ino; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_size; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_mtim.tv_sec; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_mtim.tv_nsec; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_ctim.tv_sec; }));
  EXPECT_TRUE(differs([](struct ::stat& other) { ++other.st_ctim.tv_nsec; }));
}

TEST(CopiedFiles, SourcesThatMayHaveChangedHaveNoMark) {
  const struct ::stat status = source();
  CopiedFiles files({.tv_sec = 200, .tv_nsec = 7});
  files.note("good", status, status);
  EXPECT_EQ(files.size(), 1u);
  struct ::stat after = status;
  ++after.st_ctim.tv_nsec;
  files.note("changed", status, after);
  EXPECT_EQ(files.size(), 1u);
  files.note("good", status, after);
  EXPECT_EQ(files.size(), 0u);
  for (const struct ::timespec start : {status.st_ctim, status.st_mtim}) {
    CopiedFiles racy(start);
    racy.note("racy", status, status);
    EXPECT_EQ(racy.size(), 0u);
  }
}

TEST(CopiedFiles, BytesAreReadAgain) {
  CopiedFiles files({.tv_sec = 1000});
  for (const char* path : {"a", "b", "c"}) files.note(path, source(), source());
  files.note("linked", CopiedFiles::mark("linked", source()));
  files.forget("b");
  const std::string bytes = files.to_bytes();
  const CopiedFiles::Marks marks = CopiedFiles::parse(bytes);
  EXPECT_EQ(marks.size(), 3u);
  for (const char* path : {"a", "c", "linked"})
    EXPECT_EQ(marks.count(CopiedFiles::mark(path, source())), 1u) << path;
  EXPECT_EQ(marks.count(CopiedFiles::mark("b", source())), 0u);
  EXPECT_TRUE(CopiedFiles::parse("").empty());
  EXPECT_TRUE(CopiedFiles::parse("something else" + bytes).empty());
  EXPECT_EQ(CopiedFiles::parse(bytes.substr(0, bytes.size() - 1)).size(), 2u);
}

}  // namespace
}  // namespace lichen::ops
