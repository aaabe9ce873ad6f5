#include "store/workspace.h"

#include <sys/resource.h>
#include <sys/xattr.h>

#include <algorithm>

#include "store/layers.h"
#include "store/workspace_testing.h"

namespace lichen::store {
namespace {

using namespace testing;  // NOLINT

void write(const std::string& path, const std::string& content) {
  const os::UniqueFd fd = *os::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ASSERT_OK(os::write_all(fd, content));
}

bool is_whiteout_at(const std::string& path) {
  return is_whiteout(stat_at(path));
}

std::string opaque_of(const std::string& path) {
  return os::get_xattr(*os::open(path, O_RDONLY), kOpaque)->value_or("");
}

// "path mode" of every entry of the topmost layer, without what only sorts.
Lines diff_modes(const Stack& stack) {
  Lines lines;
  for (const Item& item : stack.diff()) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%o", item.entry.mode);
    lines.push_back(to_text(item) + " " + mode);
  }
  return lines;
}

TEST(Materialize, IsTheMergedTreeOfSharedFiles) {
  Stack stack(Tier::kBare);
  Item noted = dir("d", 02750);
  noted.entry.xattrs = {{"user.note", "x"}, {"user.overlay.opaque", "y"}};
  stack.apply({noted,
               file("d/a", "1"),
               file("d/gone"),
               dir("old"),
               file("old/x"),
               file("f", "low"),
               symlink_to("l", "/etc/passwd"),
               device("null", 1, 3),
               {{.path = "fifo", .type = EntryType::kFifo, .mode = 0600, .mtime_s = 7}, ""},
               dir("gone"),
               file("gone/y"),
               dir("was"),
               file("was/z")});
  stack.apply({file("d/.wh.gone"), file("d/b", "2"), file("old/.wh..wh..opq"), file("old/new"),
               file("f", "top"), file(".wh.gone"), file("was", "file now")});
  MaterializedTree tree(stack, "merged");
  const os::UniqueFd root = *os::open(tree / "", O_RDONLY | O_DIRECTORY);
  Lines names;
  const auto entries = os::read_directory(root);
  ASSERT_OK(entries);
  for (const auto& entry : *entries) names.push_back(entry.name);
  EXPECT_EQ(names, (Lines{"d", "f", "fifo", "l", "null", "old", "was"}));
  EXPECT_EQ(*os::read_file(tree / "f"), "top");
  EXPECT_EQ(*os::read_file(tree / "d/a"), "1");
  EXPECT_EQ(*os::read_file(tree / "d/b"), "2");
  EXPECT_FALSE(os::exists(tree / "d/gone"));
  EXPECT_FALSE(os::exists(tree / "old/x"));
  EXPECT_TRUE(os::exists(tree / "old/new"));
  const auto same = [&](std::size_t layer, const std::string& path) {
    return stat_at(stack.layers()[layer] + "/" + path).st_ino == stat_at(tree / path).st_ino &&
           tree.space().frozen.count(stat_at(tree / path).st_ino) == 1;
  };
  EXPECT_TRUE(same(0, "f"));
  for (const char* path : {"d/a", "l", "null"}) EXPECT_TRUE(same(1, path)) << path;
  EXPECT_FALSE(same(1, "fifo"));  // whose times change when it is used
  // Directories are the tree's own, with the attributes of the topmost.
  const struct ::stat directory = stat_at(tree / "d");
  EXPECT_NE(directory.st_ino, stat_at(stack.layers()[0] + "/d").st_ino);
  EXPECT_EQ(directory.st_mode & 07777, 0750u);
  EXPECT_EQ(directory.st_mtime, 1000);
  EXPECT_EQ(tree.space().frozen_directories.count(directory.st_ino), 1u);
  EXPECT_EQ(tree.space().frozen_directories.size(), 3u);
  const os::UniqueFd fd = *os::open(tree / "d", O_RDONLY);
  EXPECT_EQ(os::get_xattr(fd, "user.note")->value_or(""), "x");
  EXPECT_EQ(os::get_xattr(fd, kOpaque)->value_or("none"), "none");
}

TEST(Materialize, CountsTheNamesOfALayer) {
  Stack stack(Tier::kBare);
  stack.apply({file("a", "x"), hardlink_to("b", "a"), hardlink_to("c", "a"), file("one")});
  stack.apply({file(".wh.c"), file("d")});
  MaterializedTree first(stack, "first"), second(stack, "second");
  EXPECT_GT(stat_at(second / "a").st_nlink, 3u);
  EXPECT_EQ(second.space().frozen.at(stat_at(second / "a").st_ino), 3u);
  EXPECT_EQ(second.space().frozen.at(stat_at(second / "one").st_ino), 1u);
}

TEST(Materialize, OfNothingIsAnEmptyDirectory) {
  Stack stack(Tier::kBare);
  MaterializedTree tree(stack, "merged");
  EXPECT_EQ(stat_at(tree / "").st_mode & 07777, 0755u);
  write(tree / "f", "x");
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), Lines{"f=x"});
}

TEST(Materialize, AnUntouchedTreeIsAnEmptyLayer) {
  for (const Materialize how : {Materialize::kLink, Materialize::kCopy}) {
    Stack stack(Tier::kBare);
    stack.apply({dir("d"), owned(file("d/f", "x", 04755), 5, 5), hardlink_to("d/g", "d/f"),
                 symlink_to("l", "d"), owned(dir("e", 01777), 7, 7)});
    MaterializedTree tree(stack, "merged", how);
    EXPECT_TRUE(tree.harvest("fs").empty());
    EXPECT_EQ(stack.diff_text(), Lines{});
    EXPECT_TRUE(os::read_directory(*os::open(stack.layers()[0], O_RDONLY))->empty());
  }
}

TEST(Harvest, TakesWhatOverlayfsWouldHaveCopiedUp) {
  Stack stack(Tier::kBare);
  stack.apply({dir("d"), owned(file("d/a", "1"), 5, 5), file("d/b", "2", 04755), file("d/gone"),
               dir("full"), file("full/x"), dir("full/sub"), owned(file("full/sub/y"), 6, 6),
               dir("file"), file("file/in"), file("dir"), dir("same"), dir("touched")});
  MaterializedTree tree(stack, "merged");
  tree.copy_up("d/b");
  write(tree / "d/b", "22");
  tree.record("d/b", {.mode = 0755});
  ASSERT_OK(os::unlink(tree / "d/gone"));
  ASSERT_OK(os::remove_tree(tree / "full"));
  ASSERT_OK(os::mkdirs(tree / "full"));
  write(tree / "full/new", "n");
  tree.record("full/new", {.uid = 9});
  ASSERT_OK(os::remove_tree(tree / "file"));
  write(tree / "file", "now");
  ASSERT_OK(os::unlink(tree / "dir"));
  ASSERT_OK(os::mkdirs(tree / "dir/in"));
  ASSERT_EQ(::utimes((tree / "touched").c_str(), nullptr), 0);
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), (Lines{"d/", "d/b=22", "d/.wh.gone", "dir/", "dir/in/", "file=now",
                                      "full/", "full/.wh..wh..opq", "full/new=n 9:0", "touched/"}));
  EXPECT_TRUE(is_whiteout_at(stack.layers()[0] + "/d/gone"));
  EXPECT_EQ(opaque_of(stack.layers()[0] + "/full"), "y");
  EXPECT_EQ(opaque_of(stack.layers()[0] + "/dir"), "");
  EXPECT_EQ(stack.owners().find("full/sub/y"), nullptr);
  EXPECT_EQ(stack.owners().find("d/a")->uid, 5u);
  // The next tree sees it so.
  MaterializedTree next(stack, "next");
  EXPECT_EQ(*os::read_file(next / "d/b"), "22");
  EXPECT_FALSE(os::exists(next / "full/x"));
}

TEST(Harvest, KeepsAttributesOfDirectories) {
  Stack stack(Tier::kBare);
  stack.apply({dir("old"), dir("recorded"), file("recorded/f")});
  MaterializedTree tree(stack, "merged");
  ASSERT_OK(os::mkdirs(tree / "new/er"));
  write(tree / "new/er/f", "x");
  for (const char* path : {"new/er", "new", "old"}) {
    ASSERT_OK(os::set_xattr(*os::open(tree / path, O_RDONLY), "user.note", path));
    ASSERT_OK(os::set_xattr(*os::open(tree / path, O_RDONLY), kOpaque, "y"));  // a step's lie
    ASSERT_EQ(::chmod((tree / path).c_str(), 0711), 0);
    const struct ::timespec times[2] = {{77, 0}, {77, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (tree / path).c_str(), times, 0), 0);
  }
  tree.record("new", {.uid = 3, .mode = 01711});
  tree.record("recorded", {.gid = 4});  // only the record changes
  tree.harvest("fs");
  const std::vector<Item> items = stack.diff();
  EXPECT_EQ(to_text(items), (Lines{"new/ 3:0", "new/er/", "new/er/f=x", "old/", "recorded/ 0:4"}));
  for (const int at : {0, 1, 3}) {
    EXPECT_EQ(items[static_cast<std::size_t>(at)].entry.mtime_s, 77) << at;
    EXPECT_EQ(items[static_cast<std::size_t>(at)].entry.mode, at == 0 ? 01711u : 0711u);
    EXPECT_EQ(items[static_cast<std::size_t>(at)].entry.xattrs.size(), 1u);
  }
}

TEST(Harvest, LeavesOutDevicesAndKeepsOddNames) {
  Stack stack(Tier::kBare);
  stack.apply({file("was", "x"), file("f", "x")});
  MaterializedTree tree(stack, "merged");
  ASSERT_EQ(::mknod((tree / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  ASSERT_OK(os::unlink(tree / "was"));
  ASSERT_EQ(::mknod((tree / "was").c_str(), S_IFCHR, 0), 0);  // looks like a whiteout
  ASSERT_EQ(::mknod((tree / "never").c_str(), S_IFCHR, 0), 0);
  write(tree / "odd \xff\n", "o");
  ASSERT_EQ(::mkfifo((tree / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/etc", (tree / "link").c_str()), 0);
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), (Lines{"fifo fifo", "link->/etc", "odd \xff\n=o", ".wh.was"}));
  // A socket is in no archive, but there for the next step.
  MaterializedTree next(stack, "next");
  struct stat socket {};
  ASSERT_EQ(::lstat((next / "socket").c_str(), &socket), 0);
  EXPECT_TRUE(S_ISSOCK(socket.st_mode));
  write(stack.layers()[0] + "/.wh.x", "");
  StringSink sink;
  archive::TarWriter tar(sink);
  EXPECT_EQ(diff_layer(stack.layers()[0], {}, Tier::kBare, {}, {}, {}, tar).error().code,
            Errc::kUnsupported);
}

TEST(Harvest, FifosThatWereUsedAreUnchanged) {
  Stack stack(Tier::kBare);
  stack.apply({{{.path = "used", .type = EntryType::kFifo, .mode = 0600, .mtime_s = 7}, ""},
               {{.path = "lent", .type = EntryType::kFifo, .mode = 0600, .mtime_s = 7}, ""},
               {{.path = "dated", .type = EntryType::kFifo, .mode = 0600, .mtime_s = 7}, ""},
               {{.path = "owned", .type = EntryType::kFifo, .mode = 0600, .mtime_s = 7}, ""}});
  MaterializedTree tree(stack, "merged");
  const os::UniqueFd fd = *os::open(tree / "used", O_RDWR);
  ASSERT_OK(os::write_all(fd, "through"));
  const os::UniqueFd lent = *os::open(tree / "lent", O_RDWR);
  ASSERT_OK(os::write_all(lent, "through"));
  ASSERT_EQ(::link((tree / "lent").c_str(), (tree / "name").c_str()), 0);
  ASSERT_EQ(::unlink((tree / "name").c_str()), 0);
  struct ::stat dated {};
  ASSERT_EQ(::lstat((tree / "dated").c_str(), &dated), 0);
  tree.space().copies.erase(dated.st_ino);
  tree.record("owned", {.uid = 3});
  ASSERT_EQ(::chmod((tree / "owned").c_str(), 0600), 0);  // who keeps a record moves the ctime, too
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), (Lines{"dated fifo", "owned fifo 3:0"}));
  // A COPY knows the records of what it wrote alone.
  MaterializedTree next(stack, "next");
  next.records().clear();
  next.harvest("next-fs");
  EXPECT_EQ(stack.diff_text(), Lines{});
}

TEST(Harvest, HardLinksOfAStepStayOneFile) {
  Stack stack(Tier::kBare);
  stack.apply({dir("d"), file("d/a", "1"), hardlink_to("d/b", "d/a")});
  MaterializedTree tree(stack, "merged");
  tree.copy_up("d/a");
  ASSERT_EQ(::link((tree / "d/a").c_str(), (tree / "d/c").c_str()), 0);
  ASSERT_OK(os::mkdirs(tree / "e"));
  ASSERT_EQ(::link((tree / "d/a").c_str(), (tree / "e/a").c_str()), 0);
  tree.harvest("fs", true);
  EXPECT_EQ(stack.diff_text(), (Lines{"d/", "d/a=1", "d/c=>d/a", "e/", "e/a=>d/a"}));
  // The tree was kept, and is what the layers are now.
  EXPECT_EQ(stat_at(tree / "e/a").st_ino, stat_at(stack.layers()[0] + "/e/a").st_ino);
  EXPECT_EQ(stat_at(tree / "d/b").st_ino, stat_at(stack.layers()[1] + "/d/b").st_ino);
}

// A file of a layer under another name: only who forgot to copy up leaves one behind.
TEST(Harvest, AForeignNameOfALayersFileIsAnEntry) {
  Stack stack(Tier::kBare);
  stack.apply({file("a", "1"), file("b", "2")});
  MaterializedTree tree(stack, "merged");
  ASSERT_EQ(::rename((tree / "a").c_str(), (tree / "b").c_str()), 0);
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), (Lines{".wh.a", "b=1"}));
}

// What is below does not shine through where a directory went and another came.
TEST(Harvest, DirectoriesThatWereMovedAreNew) {
  Stack stack(Tier::kBare);
  stack.apply({dir("a"), dir("a/x"), file("a/x/f", "1"), file("a/g", "2"), dir("b"), file("b/h")});
  MaterializedTree tree(stack, "merged", Materialize::kCopy);
  const auto move = [&](const std::string& from, const std::string& to) {
    ASSERT_EQ(::rename((tree / from).c_str(), (tree / to).c_str()), 0);
  };
  move("a", "aside");
  ASSERT_OK(os::mkdirs(tree / "a"));
  move("aside/x", "a/x");
  ASSERT_OK(os::remove_tree(tree / "aside"));
  move("b", "c");
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(),
            (Lines{"a/", "a/.wh..wh..opq", "a/x/", "a/x/f=1", ".wh.b", "c/", "c/h"}));
  EXPECT_EQ(stack.tree_text(), (Lines{"a/", "a/x/", "a/x/f=1", "c/", "c/h"}));
}

TEST(Harvest, DeepTreesNeedFewDescriptors) {
  std::string path = "d";
  while (path.size() < 1200) path += "/d";
  Stack stack(Tier::kBare);
  stack.apply({dir(path), file(path + "/f", "deep"), file(path + "/gone")});
  struct ::rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct ::rlimit few = before;
  few.rlim_cur = 48;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  {
    MaterializedTree tree(stack, "merged");
    write(tree / (path + "/new"), "x");
    ASSERT_OK(os::unlink(tree / (path + "/gone")));
    tree.harvest("fs");
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const Lines lines = stack.diff_text();
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 3);
  EXPECT_EQ(lines.back(), path + "/new=x");
}

TEST(Copies, CountAsUnchangedUntilSomebodyWrites) {
  Stack stack(Tier::kBare);
  stack.apply({dir("d"), file("d/a", "1"), hardlink_to("d/b", "d/a"), file("e", "2"),
               symlink_to("l", "e"), symlink_to("m", "e"), file("same", "3"), file("x", "4")});
  MaterializedTree tree(stack, "merged", Materialize::kCopy);
  EXPECT_TRUE(tree.space().frozen.empty());
  EXPECT_NE(stat_at(tree / "e").st_ino, stat_at(stack.layers()[0] + "/e").st_ino);
  EXPECT_EQ(stat_at(tree / "e").st_mtime, 2000);
  EXPECT_EQ(stat_at(tree / "d/a").st_ino, stat_at(tree / "d/b").st_ino);
  write(tree / "d/a", "11");  // in place; no directory changes
  const struct ::timespec times[2] = {{2000, 0}, {2000, 0}};
  write(tree / "same", "5");
  ASSERT_EQ(::utimensat(AT_FDCWD, (tree / "same").c_str(), times, 0), 0);
  ASSERT_EQ(::chmod((tree / "x").c_str(), 0600), 0);
  ASSERT_OK(os::unlink(tree / "m"));
  tree.harvest("fs");
  EXPECT_EQ(stack.diff_text(), (Lines{"d/", "d/a=11", "d/b=>d/a", ".wh.m", "same=5", "x=4"}));
}

TEST(Copies, KeepOwnersAndCapabilitiesForRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving files away needs root";
  Stack stack(Tier::kIds);
  Item ping = file("ping", "x", 0755);
  ping.entry.xattrs = {
      {"security.capability", std::string("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
      {"user.note", "n"}};
  stack.apply({owned(dir("d", 02775), 5, 6), owned(file("d/f", "x", 04755), 7, 8),
               owned(symlink_to("d/l", "f"), 9, 9), ping});
  const std::vector<Item> before = stack.tree();
  MaterializedTree tree(stack, "merged", Materialize::kCopy);
  EXPECT_EQ(stat_at(tree / "d/f").st_uid, 7u);
  EXPECT_EQ(stat_at(tree / "d/f").st_mode & 07777, 04755u);
  EXPECT_EQ(stat_at(tree / "d/l").st_gid, 9u);
  for (const char* path : {"d/f", "ping"}) ASSERT_EQ(::utimes((tree / path).c_str(), nullptr), 0);
  const struct ::timespec times[2] = {{2000, 0}, {2000, 0}};
  for (const char* path : {"d/f", "ping"})
    ASSERT_EQ(::utimensat(AT_FDCWD, (tree / path).c_str(), times, 0), 0);
  tree.harvest("fs");
  EXPECT_EQ(diff_modes(stack), (Lines{"d/ 5:6 2775", "d/f=x 7:8 4755", "ping=x 755"}));
  EXPECT_EQ(stack.tree(), before);
}

}  // namespace
}  // namespace lichen::store
