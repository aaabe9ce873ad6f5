#include "ops/copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "archive/tar_writer.h"
#include "ops/content_digest.h"
#include "os/disk.h"
#include "os/file.h"

namespace lichen::ops {
namespace {

// Trees in a temporary directory; tier userns, so that no test needs to own other ids.
class Copies : public testing::Test {
 protected:
  void SetUp() override {
    base_ = testing::TempDir() + "lichen_copy_" + std::to_string(::getpid());
    ASSERT_TRUE(os::remove_tree(base_));
    ASSERT_TRUE(os::mkdirs(base_ + "/from"));
    ASSERT_TRUE(os::mkdirs(base_ + "/to"));
    from_ = std::move(*os::open(base_ + "/from", O_RDONLY | O_DIRECTORY));
    to_ = std::move(*os::open(base_ + "/to", O_RDONLY | O_DIRECTORY));
  }
  void TearDown() override { EXPECT_TRUE(os::remove_tree(base_)); }

  void file(const std::string& path, const std::string& content) {
    ASSERT_TRUE(os::mkdirs((base_ + "/" + path).substr(0, (base_ + "/" + path).rfind('/'))));
    ASSERT_TRUE(os::replace_file(base_ + "/" + path, content));
  }
  void link(const std::string& path, const std::string& target) {
    ASSERT_EQ(::symlink(target.c_str(), (base_ + "/" + path).c_str()), 0);
  }
  std::string content(const std::string& path) {
    return os::read_file(base_ + "/" + path).value_or("<absent>");
  }
  mode_t mode(const std::string& path) {
    struct ::stat status {};
    EXPECT_EQ(::lstat((base_ + "/" + path).c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  Result<owners::Sidecar> copy(graph::Copy action, std::optional<Ownership> owner = {},
                               const graph::Ignore* ignore = nullptr) {
    action.input = 0;
    const owners::Owners none;
    FileWriter writer(
        {.root = to_, .tier = container::Tier::kUserns, .below = none, .created = {}});
    const SourceTree tree{.root = from_, .ignore = ignore, .is_context = true};
    auto copied = ops::copy(writer, tree, action, owner);
    if (!copied) return fail(std::move(copied).error());
    return writer.take_sidecar();
  }

  std::string base_;
  os::UniqueFd from_, to_;
};

TEST_F(Copies, FileToNameAndToDirectory) {
  file("from/a", "A");
  ASSERT_TRUE(copy({.src = "/a", .dest = "/x/b"}));
  EXPECT_EQ(content("to/x/b"), "A");
  ASSERT_TRUE(copy({.src = "/a", .dest = "/y/"}));
  EXPECT_EQ(content("to/y/a"), "A");
  ASSERT_TRUE(copy({.src = "/a", .dest = "/x"}));  // there already, and a directory
  EXPECT_EQ(content("to/x/a"), "A");
}

TEST_F(Copies, WhatHasNotChangedIsLinkedFromTheEarlierSnapshot) {
  for (const char* name : {"same", "edited", "moded", "touched", "d/same"})
    file(std::string("from/") + name, "content");
  const owners::Owners none;
  const SourceTree tree{.root = from_, .is_context = true};
  const graph::Copy all{.input = 0, .src = "/", .dest = "/app"};
  const auto later = [] { return timespec{.tv_sec = std::time(nullptr) + 60}; };
  const auto write = [&](const std::string& to, CopiedFiles& copied, const Earlier* earlier,
                         const graph::Copy& action) {
    ASSERT_TRUE(os::mkdirs(base_ + "/" + to));
    const auto root = os::open(base_ + "/" + to, O_RDONLY | O_DIRECTORY);
    FileWriter writer({.root = *root,
                       .tier = container::Tier::kUserns,
                       .below = none,
                       .created = {},
                       .copied = &copied,
                       .earlier = earlier});
    ASSERT_TRUE(ops::copy(writer, tree, action, {}));
  };
  const auto shared = [&](const std::string& one, const std::string& other) {
    struct ::stat a {
    }, b{};
    EXPECT_EQ(::lstat((base_ + "/" + one).c_str(), &a), 0) << one;
    EXPECT_EQ(::lstat((base_ + "/" + other).c_str(), &b), 0) << other;
    return a.st_ino == b.st_ino;
  };
  CopiedFiles first(later());
  write("to", first, nullptr, all);
  EXPECT_EQ(first.size(), 5u);
  const Earlier earlier{.root = std::move(*os::open(base_ + "/to", O_RDONLY | O_DIRECTORY)),
                        .marks = CopiedFiles::parse(first.to_bytes())};

  // The same size and mtime say nothing.
  struct ::stat before {};
  ASSERT_EQ(::stat((base_ + "/from/edited").c_str(), &before), 0);
  ASSERT_TRUE(os::write_all(*os::open(base_ + "/from/edited", O_WRONLY), "CONTENT"));
  const struct ::timespec times[2] = {before.st_mtim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (base_ + "/from/edited").c_str(), times, 0), 0);
  ASSERT_EQ(::chmod((base_ + "/from/moded").c_str(), 0751), 0);
  os::touch(base_ + "/from/touched");
  CopiedFiles second(later());
  write("next", second, &earlier, all);
  EXPECT_EQ(second.size(), 5u);
  EXPECT_TRUE(shared("to/app/same", "next/app/same"));
  EXPECT_TRUE(shared("to/app/d/same", "next/app/d/same"));
  for (const char* name : {"edited", "moded", "touched"})
    EXPECT_FALSE(shared(std::string("to/app/") + name, std::string("next/app/") + name)) << name;
  EXPECT_EQ(content("to/app/edited"), "content");
  EXPECT_EQ(content("next/app/edited"), "CONTENT");
  EXPECT_EQ(mode("next/app/moded"), 0751u);

  // The attributes that it is to get count, and so does the path.
  CopiedFiles third(later());
  graph::Copy with_mode = all;
  with_mode.mode = "700";
  write("third", third, &earlier, with_mode);
  EXPECT_FALSE(shared("to/app/same", "third/app/same"));
  EXPECT_EQ(mode("to/app/same"), mode("from/same"));
  CopiedFiles elsewhere(later());
  graph::Copy to_other = all;
  to_other.dest = "/other";
  write("third", elsewhere, &earlier, to_other);
  EXPECT_FALSE(shared("to/app/same", "third/other/same"));

  // What is in the way is replaced, and its earlier content not written to.
  CopiedFiles again(later());
  write("next", again, &earlier, all);
  EXPECT_TRUE(shared("to/app/same", "next/app/same"));
  graph::Copy over = all;
  over.src = "/edited";
  over.dest = "/app/same";
  write("next", again, &earlier, over);
  EXPECT_EQ(content("next/app/same"), "CONTENT");
  EXPECT_EQ(content("to/app/same"), "content");
  EXPECT_FALSE(shared("to/app/same", "next/app/same"));
}

TEST_F(Copies, GitModesFoldTheUmask) {
  const graph::Copy all{.input = 0, .src = "/d", .dest = "/out", .dir_copy_contents = true};
  const owners::Owners none;
  std::vector<Digest> digests;
  for (const mode_t mask : {022, 077, 002}) {
    for (const char* name : {"plain", "run", "sub/plain"}) file(std::string("from/d/") + name, "x");
    const auto set = [&](const char* path, mode_t full) {
      ASSERT_EQ(::chmod((base_ + "/from/d" + path).c_str(), full & ~mask), 0);
    };
    set("/plain", 0666);
    set("/run", 0777);
    set("/sub", 0777);
    set("/sub/plain", 0666);
    const SourceTree tree{.root = from_, .is_context = true, .git_modes = true};
    digests.push_back(
        *digest_of(tree, all, [](const auto& directory, const auto& name, const auto&) {
          return read_digest(directory, name);
        }));
    FileWriter writer(
        {.root = to_, .tier = container::Tier::kUserns, .below = none, .created = {}});
    ASSERT_TRUE(ops::copy(writer, tree, all, {}));
    EXPECT_EQ(mode("to/out/plain"), 0644U);
    EXPECT_EQ(mode("to/out/run"), 0755U);
    EXPECT_EQ(mode("to/out/sub"), 0755U);
    EXPECT_EQ(mode("to/out/sub/plain"), 0644U);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

TEST_F(Copies, DirectoryGivesItsContentsAndKeepsModes) {
  file("from/d/sub/f", "F");
  ::chmod((base_ + "/from/d/sub").c_str(), 0711);
  ASSERT_TRUE(copy({.src = "/d", .dest = "/out"}));
  EXPECT_EQ(content("to/out/sub/f"), "F");
  EXPECT_EQ(mode("to/out/sub"), 0711u);
  EXPECT_EQ(mode("to/out"), 0755u);
}

TEST_F(Copies, WildcardsDoNotCrossDirectories) {
  file("from/a.txt", "1");
  file("from/b.txt", "2");
  file("from/d/c.txt", "3");
  ASSERT_TRUE(copy({.src = "/*.txt", .dest = "/out/"}));
  EXPECT_EQ(content("to/out/a.txt"), "1");
  EXPECT_EQ(content("to/out/b.txt"), "2");
  EXPECT_FALSE(os::exists(base_ + "/to/out/c.txt"));
  EXPECT_EQ(copy({.src = "/*.none", .dest = "/out/"}).error().code, Errc::kNotFound);
}

TEST_F(Copies, MissingSourceIsNotFound) {
  const auto result = copy({.src = "/nope", .dest = "/x", .allow_empty_wildcard = true});
  EXPECT_EQ(result.error().code, Errc::kNotFound);
  EXPECT_NE(result.error().message.find("\"/nope\": not found"), std::string::npos);
}

TEST_F(Copies, SourceSymlinksAreFollowedInsideTheContextOnly) {
  file("secret", "outside");
  file("from/real", "R");
  link("from/good", "/real");
  link("from/bad", "../secret");
  ASSERT_TRUE(copy({.src = "/good", .dest = "/g"}));
  EXPECT_EQ(content("to/g"), "R");
  EXPECT_EQ(copy({.src = "/bad", .dest = "/b"}).error().code, Errc::kNotFound);
}

TEST_F(Copies, DestinationSymlinksStayInTheRoot) {
  file("from/f", "F");
  ASSERT_TRUE(os::mkdirs(base_ + "/outside"));
  ASSERT_TRUE(os::mkdirs(base_ + "/to/real"));
  link("to/absolute", "/real");
  link("to/escape", "../outside");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/absolute/"}));
  EXPECT_EQ(content("to/real/f"), "F");
  (void)copy({.src = "/f", .dest = "/escape/"});
  EXPECT_FALSE(os::exists(base_ + "/outside/f"));
}

TEST_F(Copies, DestinationSymlinksToNothingAreFollowed) {
  file("from/f", "F");
  ASSERT_TRUE(os::mkdirs(base_ + "/to/sub"));
  link("to/sub/up", "../../../new/deep");
  link("to/absolute", "/made/file");
  link("to/chain", "sub/up");
  link("to/loop", "loop");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/absolute"}));
  EXPECT_EQ(content("to/made/file"), "F");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/sub/up/"}));
  EXPECT_EQ(content("to/new/deep/f"), "F");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/chain/more/g"}));
  EXPECT_EQ(content("to/new/deep/more/g"), "F");
  EXPECT_FALSE(copy({.src = "/f", .dest = "/loop"}));
  EXPECT_FALSE(copy({.src = "/f", .dest = "/loop/"}));
}

TEST_F(Copies, OnlyALinkThatWasNamedIsFollowed) {
  file("from/f", "new");
  file("to/real", "old");
  ASSERT_TRUE(os::mkdirs(base_ + "/to/d"));
  link("to/d/f", "/real");
  link("to/named", "real");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/d/"}));
  EXPECT_EQ(content("to/real"), "old");
  EXPECT_EQ(content("to/d/f"), "new");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/named"}));
  EXPECT_EQ(content("to/real"), "new");
}

TEST_F(Copies, ALinkInTheWayIsReplacedNotWrittenThrough) {
  file("from/d/f", "new");
  file("victim", "old");
  ASSERT_TRUE(os::mkdirs(base_ + "/to/d"));
  link("to/d/f", "../../victim");
  ASSERT_TRUE(copy({.src = "/d", .dest = "/d"}));
  EXPECT_EQ(content("victim"), "old");
  EXPECT_EQ(content("to/d/f"), "new");
}

TEST_F(Copies, OwnersAreRecorded) {
  file("from/d/f", "F");
  const auto sidecar = copy({.src = "/d", .dest = "/app/"}, Ownership{33, 34});
  ASSERT_TRUE(sidecar);
  owners::Owners all;
  all.apply(*sidecar);
  ASSERT_NE(all.find("app"), nullptr);
  ASSERT_NE(all.find("app/f"), nullptr);
  EXPECT_EQ(all.find("app/f")->uid, 33u);
  EXPECT_EQ(all.find("app/f")->gid, 34u);
}

TEST_F(Copies, ChmodAppliesToWhatIsMade) {
  file("from/f", "F");
  ASSERT_TRUE(copy({.src = "/f", .dest = "/new/f", .mode = "640"}));
  EXPECT_EQ(mode("to/new/f"), 0640u);
  EXPECT_EQ(mode("to/new"), 0640u);
}

TEST_F(Copies, IgnoredFilesAreNotThere) {
  file("from/keep", "k");
  file("from/drop/x", "x");
  file("from/drop/again", "a");
  const auto ignore = graph::Ignore::parse("drop\n!drop/again\n");
  ASSERT_TRUE(ignore);
  ASSERT_TRUE(copy({.src = "/", .dest = "/"}, {}, &*ignore));
  EXPECT_EQ(content("to/keep"), "k");
  EXPECT_EQ(content("to/drop/again"), "a");
  EXPECT_FALSE(os::exists(base_ + "/to/drop/x"));
  EXPECT_EQ(copy({.src = "/drop/x", .dest = "/y"}, {}, &*ignore).error().code, Errc::kNotFound);
}

TEST_F(Copies, ParentsKeepsDirectoriesAfterThePivot) {
  file("from/a/b/c", "C");
  ASSERT_TRUE(copy({.src = "/a/b/c", .dest = "/all/", .parents = true}));
  EXPECT_EQ(content("to/all/a/b/c"), "C");
  ASSERT_TRUE(copy({.src = "/a/./b/c", .dest = "/some/", .parents = true}));
  EXPECT_EQ(content("to/some/b/c"), "C");
}

TEST_F(Copies, ParentsTakesAnyDepthOnBothSidesOfThePivot) {
  for (const char* path : {"from/a/b/c/f", "from/a/f", "from/a/x/y/c/f", "from/g"})
    file(path, path);
  const auto parents = [](const char* source, const char* dest) {
    return graph::Copy{.src = source, .dest = dest, .allow_empty_wildcard = true, .parents = true};
  };
  ASSERT_TRUE(copy(parents("/**/f", "/all/")));
  EXPECT_EQ(content("to/all/a/f"), "from/a/f");
  EXPECT_EQ(content("to/all/a/x/y/c/f"), "from/a/x/y/c/f");
  EXPECT_FALSE(os::exists(base_ + "/to/all/g"));
  ASSERT_TRUE(copy(parents("/a/**/./c/f", "/before/")));
  EXPECT_TRUE(os::exists(base_ + "/to/before/c/f"));
  EXPECT_FALSE(os::exists(base_ + "/to/before/a"));
  ASSERT_TRUE(copy(parents("/a/./**", "/below/")));
  EXPECT_EQ(content("to/below/x/y/c/f"), "from/a/x/y/c/f");
}

TEST_F(Copies, AFileOverADirectoryIsRefused) {
  file("from/d/x/f", "F");
  file("to/d/x", "a file");
  EXPECT_EQ(copy({.src = "/d", .dest = "/d"}).error().code, Errc::kInvalid);
}

TEST_F(Copies, ArchivesAreUnpackedByContent) {
  StringSink bytes;
  archive::TarWriter tar(bytes);
  ASSERT_TRUE(tar.add({.path = "in",
                       .type = archive::EntryType::kDirectory,
                       .mode = 0755,
                       .mtime_s = 1000,
                       .xattrs = {{"user.a", "1"}, {"user.overlay.opaque", "y"}}}));
  ASSERT_TRUE(tar.add({.path = "in/f", .mode = 0600, .uid = 7, .gid = 8, .size = 2}));
  ASSERT_TRUE(tar.write("hi"));
  ASSERT_TRUE(tar.finish());
  file("from/archive.odd", bytes.bytes());
  file("from/plain.tar", "not an archive");
  const auto sidecar = copy({.src = "/archive.odd", .dest = "/out", .unpack = true});
  ASSERT_TRUE(sidecar);
  EXPECT_EQ(content("to/out/in/f"), "hi");
  struct ::stat status {};
  ASSERT_EQ(::lstat((base_ + "/to/out/in").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtime, 1000);  // also when files came into it afterwards
  EXPECT_EQ(*os::list_xattrs(*os::open(base_ + "/to/out/in", O_RDONLY)),
            (std::map<std::string, std::string>{{"user.a", "1"}}));
  owners::Owners all;
  all.apply(*sidecar);
  ASSERT_NE(all.find("out/in/f"), nullptr);
  EXPECT_EQ(all.find("out/in/f")->uid, 7u);
  ASSERT_TRUE(copy({.src = "/plain.tar", .dest = "/kept.tar", .unpack = true}));
  EXPECT_EQ(content("to/kept.tar"), "not an archive");
}

// The digest tells what would be copied: content, names, modes; not times.
TEST_F(Copies, DigestFollowsContentNotTime) {
  file("from/d/f", "one");
  const SourceTree tree{.root = from_, .is_context = true};
  const graph::Copy action{.input = 0, .src = "/d", .dest = "/d"};
  const FileDigest read = [](const os::UniqueFd& directory, const std::string& name,
                             const struct ::stat&) { return read_digest(directory, name); };
  const Digest first = digest_of(tree, action, read).value();
  const struct ::timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (base_ + "/from/d/f").c_str(), times, 0), 0);
  EXPECT_EQ(digest_of(tree, action, read).value(), first);
  ASSERT_EQ(::chmod((base_ + "/from/d/f").c_str(), 0755), 0);
  const Digest second = digest_of(tree, action, read).value();
  EXPECT_NE(second, first);
  file("from/d/f", "two");
  ASSERT_EQ(::chmod((base_ + "/from/d/f").c_str(), 0755), 0);
  EXPECT_NE(digest_of(tree, action, read).value(), second);
}

}  // namespace
}  // namespace lichen::ops
