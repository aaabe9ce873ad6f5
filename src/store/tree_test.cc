#include "store/tree.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/compression.h"
#include "store/attributes.h"
#include "store/tree_testing.h"

namespace lichen::store {
namespace {

using namespace testing;  // NOLINT

struct ::stat stat_of(const std::string& path) {
  struct ::stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

TEST(Apply, AndDiffGiveTheSameEntries) {
  std::vector<Item> items = {
      dir("bin"),
      file("bin/sh", "#!", 0755),
      file("bin/su", "su", 04755),
      dir("etc"),
      owned(file("etc/shadow", "secret", 0640), 0, 42),
      file("etc/x", std::string(700'000, 'x')),
      symlink_to("lib", "usr/lib"),
      owned(dir("tmp", 01777), 3, 4),
      {{.path = "tmp/fifo", .type = EntryType::kFifo, .mode = 0640, .mtime_s = 7}, ""},
      owned(dir("usr"), 70000, 0),
      device("usr/null", 1, 3),
      hardlink_to("usr/sh", "bin/sh"),
  };
  items.back().entry.mode = 0755;
  items[1].entry.xattrs = {{"user.note", "hello"}};
  items[3].entry.xattrs = {{"user.overlay.opaque", "y"}};  // the image's own, not overlayfs'
  Stack stack;
  const std::string bytes = to_tar(items);
  const auto applied = stack.try_apply(bytes);
  ASSERT_OK(applied);
  EXPECT_EQ(applied->diff_id, sha256(bytes));
  EXPECT_EQ(applied->entries, items.size());
  EXPECT_EQ(applied->bytes, 700'000u + 2 + 2 + 6);
  items.back().entry.xattrs.clear();
  EXPECT_EQ(stack.diff(), items);
  EXPECT_EQ(stack.tree(), items);
  EXPECT_EQ(stat_of(stack.layers()[0] + "/usr/null").st_mode, S_IFREG | 0600u);
}

TEST(Apply, ReadsCompressedLayers) {
  StringSink compressed;
  const std::string tar = to_tar({file("a", "content")});
  const auto gzip = archive::make_compressor(archive::Compression::kGzip, -1, 1, compressed);
  ASSERT_OK((*gzip)->write(tar));
  ASSERT_OK((*gzip)->close());
  Stack stack;
  const auto applied = stack.try_apply(compressed.bytes());
  ASSERT_OK(applied);
  EXPECT_EQ(applied->diff_id, sha256(tar));
  EXPECT_EQ(stack.tree_text(), Lines{"a=content"});
}

TEST(Apply, GivesKernelOwnersAtTierIds) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a map of several ids";
  Stack stack(Tier::kIds);
  stack.apply({owned(dir("d"), 5, 6), owned(file("d/f", "x", 04755), 7, 8), file("r", "y"),
               owned(symlink_to("l", "f"), 9, 10), owned(device("null", 1, 3), 0, 5)});
  EXPECT_EQ(stat_of(stack.layers()[0] + "/d").st_uid, 5u);
  EXPECT_EQ(stat_of(stack.layers()[0] + "/d/f").st_mode & 07777, 04755u);
  EXPECT_EQ(stack.sidecar().size(), 1u);  // the device
  EXPECT_EQ(stack.diff_text(), (Lines{"d/ 5:6", "d/f=x 7:8", "l->f 9:10", "null c1:3 0:5", "r=y"}));
  // What a later layer only implies keeps its owner.
  stack.apply({file("d/g", "z")});
  EXPECT_EQ(stack.diff_text(), (Lines{"d/ 5:6", "d/g=z"}));
}

TEST(Apply, RecordsOwnersOfPathsThatChange) {
  Stack stack;
  stack.apply({owned(dir("d"), 5, 5), owned(file("d/a"), 6, 6), owned(file("d/b"), 7, 7)});
  stack.apply({file(".wh.nothing"), file("d/.wh.a"), file("d/b")});
  EXPECT_EQ(stack.tree_text(), (Lines{"d/ 5:5", "d/b"}));
  stack.apply({owned(file("d"), 8, 8)});
  EXPECT_EQ(stack.tree_text(), Lines{"d 8:8"});
  EXPECT_EQ(stack.owners().all().size(), 1u);
}

TEST(Whiteouts, HideWhatIsBelow) {
  Stack stack;
  stack.apply({dir("d"), file("d/a", "1"), file("d/b", "2"), file("keep", "3")});
  stack.apply({dir("d"), file("d/.wh.a"), file("d/.wh.absent"), file("d/c", "4")});
  const struct ::stat whiteout = stat_of(stack.layers()[0] + "/d/a");
  EXPECT_TRUE(S_ISCHR(whiteout.st_mode));
  EXPECT_EQ(whiteout.st_rdev, 0u);
  EXPECT_EQ(stack.tree_text(), (Lines{"d/", "d/b=2", "d/c=4", "keep=3"}));
  EXPECT_EQ(stack.diff_text(), (Lines{"d/", "d/.wh.a", "d/c=4"}));
  stack.apply({file(".wh.d")});
  EXPECT_EQ(stack.tree_text(), Lines{"keep=3"});
  // A directory in the place of a whiteout does not show what was there.
  stack.apply({dir("d"), file("d/new", "5")});
  EXPECT_EQ(stack.tree_text(), (Lines{"d/", "d/new=5", "keep=3"}));
  stack.apply({file(".wh.d"), dir("d"), file("d/newer", "6")});
  EXPECT_EQ(stack.tree_text(), (Lines{"d/", "d/newer=6", "keep=3"}));
  EXPECT_EQ(stack.diff_text(), (Lines{"d/", "d/.wh..wh..opq", "d/newer=6"}));
}

TEST(Whiteouts, OfTheSameLayerTakeWhatCameBefore) {
  Stack stack;
  stack.apply({dir("d"), file("d/a", "1"), file(".wh.d"), file("b", "2"), file(".wh.b")});
  EXPECT_EQ(stack.tree_text(), Lines{});
  EXPECT_EQ(stack.diff_text(), Lines{});
}

// umoci writes one for each file of a directory that has become something else.
TEST(Whiteouts, BeneathWhatIsNoDirectoryAnyMoreHideNothing) {
  Stack stack;
  stack.apply({dir("d"), file("d/a"), dir("e"), file("e/a")});
  stack.apply({file("d", "file"), file("d/.wh.a"), symlink_to("e", "d"), file("e/.wh.a"),
               file("d/.wh..wh..opq")});
  EXPECT_EQ(stack.tree_text(), (Lines{"d=file", "e->d"}));
}

TEST(Opaque, HidesAllOfADirectoryInAnyOrder) {
  Stack stack;
  stack.apply({dir("d"), dir("d/s"), owned(file("d/a", "1"), 5, 5), file("d/s/x", "2")});
  stack.apply({dir("d"), owned(file("d/new", "3"), 6, 6), file("d/.wh..wh..opq"),
               file("d/later", "4"), dir("d/s"), file("d/s/y", "5")});
  EXPECT_EQ(stack.tree_text(), (Lines{"d/", "d/later=4", "d/new=3 6:6", "d/s/", "d/s/y=5"}));
  EXPECT_EQ(stack.diff_text(),
            (Lines{"d/", "d/.wh..wh..opq", "d/later=4", "d/new=3 6:6", "d/s/", "d/s/y=5"}));
  EXPECT_EQ(stack.owners().all().size(), 1u);
  // Where no lower layer has the directory it says nothing.
  stack.apply({dir("e"), file("e/.wh..wh..opq"), file("e/f")});
  EXPECT_EQ(stack.diff_text(), (Lines{"e/", "e/f"}));
}

TEST(Opaque, DirectoriesOfARunAreMarkedWhereItMatters) {
  Stack stack;
  stack.apply({dir("old"), file("old/f")});
  stack.apply({dir("old"), dir("new")});
  for (const char* name : {"/old", "/new"})
    ASSERT_EQ(::setxattr((stack.layers()[0] + name).c_str(), "user.overlay.opaque", "y", 1, 0), 0);
  EXPECT_EQ(stack.diff_text(), (Lines{"new/", "old/", "old/.wh..wh..opq"}));
}

TEST(Parents, GoThroughSymlinksOfTheMergedTree) {
  Stack stack;
  stack.apply({dir("usr"), dir("usr/lib", 0750), symlink_to("lib", "usr/lib"),
               symlink_to("abs", "/usr/../usr/lib"), symlink_to("loop", "loop")});
  stack.apply({owned(file("lib/a", "1"), 5, 5), file("abs/b", "2"), dir("lib/sub")});
  EXPECT_EQ(stack.diff_text(),
            (Lines{"usr/", "usr/lib/", "usr/lib/a=1 5:5", "usr/lib/b=2", "usr/lib/sub/"}));
  EXPECT_EQ(stat_of(stack.layers()[0] + "/usr/lib").st_mode & 07777, 0750u);
  // Whiteouts and hard links, too.
  stack.apply({file("lib/.wh.a"), hardlink_to("usr/c", "abs/b")});
  EXPECT_EQ(stack.tree_text(), (Lines{"abs->/usr/../usr/lib", "lib->usr/lib", "loop->loop", "usr/",
                                      "usr/c=2", "usr/lib/", "usr/lib/b=>usr/c", "usr/lib/sub/"}));
  EXPECT_EQ(stack.error({file("loop/x")}).code, Errc::kCorrupt);
  EXPECT_EQ(stack.error({file("usr/c/x")}).code, Errc::kCorrupt);
}

TEST(Parents, TakeTheirAttributesFromBelowOrFromNobody) {
  Stack stack;
  Item special = owned(dir("d", 02770), 5, 6);
  special.entry.xattrs = {{"user.note", "x"}};
  stack.apply({special, file("d/a")});
  stack.apply({file("d/b"), file("implied/by/me")});
  const std::vector<Item> items = stack.diff();
  EXPECT_EQ(items[0], special);
  EXPECT_EQ(to_text(items), (Lines{"d/ 5:6", "d/b", "implied/", "implied/by/", "implied/by/me"}));
  EXPECT_EQ(items[2].entry.mode, 0755u);
  EXPECT_EQ(items[2].entry.mtime_s, 2000);
}

TEST(Links, ToLowerFilesAreCopiedUp) {
  Stack stack;
  stack.apply(
      {owned(file("f", "content", 0600), 5, 6), symlink_to("s", "t"), device("null", 1, 3)});
  stack.apply({hardlink_to("g", "f"), hardlink_to("s2", "s"), hardlink_to("null2", "null")});
  EXPECT_EQ(stack.diff_text(),
            (Lines{"f=content 5:6", "g=>f 5:6", "null c1:3", "null2=>null", "s->t", "s2=>s"}));
  for (const char* bad : {"absent", "no/such/place", "d"})
    EXPECT_EQ(stack.error({dir("d"), hardlink_to("x", bad)}).code, Errc::kCorrupt) << bad;
}

TEST(Duplicates, TheLastEntryWins) {
  Stack stack;
  stack.apply({dir("d"), file("d/in"), owned(file("a", "1"), 5, 5), file("a", "22"),
               symlink_to("b", "x"), dir("b"), file("b/in"), file("d", "file"), dir("e", 0700),
               dir("e", 0711), hardlink_to("a", "a"), file("c"), symlink_to("c", "y")});
  EXPECT_EQ(stack.diff_text(), (Lines{"a=22", "b/", "b/in", "c->y", "d=file", "e/"}));
  EXPECT_EQ(stack.diff().back().entry.mode, 0711u);
  EXPECT_TRUE(stack.owners().empty());
}

TEST(Hostile, NothingLeavesTheLayer) {
  Stack stack;
  ASSERT_OK(os::mkdirs(stack.outside("victim")));
  ASSERT_OK(os::replace_file(stack.outside("victim/f"), "safe"));
  const std::string victim = stack.outside("victim");
  stack.apply(
      {symlink_to("out", victim), symlink_to("up", "../../.."), symlink_to("file", victim + "/f")});
  stack.apply({file("out/f", "bad"), file("up/g", "bad"), file("file", "bad"), file("out/.wh.f"),
               dir("out"), file("out/h", "bad")});
  const os::UniqueFd directory = *os::open(victim, O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(os::read_directory(directory)->size(), 1u);
  EXPECT_EQ(*os::read_file(victim + "/f"), "safe");
  EXPECT_FALSE(os::exists(stack.outside("g")));
  const Lines tree = stack.tree_text();
  EXPECT_NE(std::find(tree.begin(), tree.end(), "g=bad"), tree.end());
  // The same within one layer.
  stack.apply({symlink_to("x", "/etc"), file("x/passwd", "bad"), hardlink_to("y", "x/passwd"),
               hardlink_to("z", "x")});
  EXPECT_TRUE(S_ISLNK(stat_of(stack.layers()[0] + "/z").st_mode));
}

TEST(Hostile, ImpossibleEntriesAreErrors) {
  const struct {
    Item item;
    Errc want;
  } rows[] = {
      {owned(file("a"), 0xffffffff, 0), Errc::kCorrupt},
      {owned(file("a"), 0, 1ull << 40), Errc::kCorrupt},
      {file(".wh."), Errc::kCorrupt},
      {file("d/.wh..."), Errc::kCorrupt},
      {hardlink_to("a", "b"), Errc::kCorrupt},
  };
  for (const auto& row : rows) {
    Stack stack;
    EXPECT_EQ(stack.error({row.item}).code, row.want) << to_text(row.item);
  }
  Stack stack;
  // More than any disk has is refused before it is written.
  Item huge = file("a");
  huge.entry.size = 1ull << 60;
  StringSink started;
  archive::TarWriter tar(started);
  ASSERT_TRUE(tar.add(huge.entry));
  const auto refused = stack.try_apply(started.bytes());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kNoSpace) << message(refused);
  EXPECT_FALSE(stack.try_apply(to_tar({file("a", "content")}).substr(0, 700)));
  EXPECT_FALSE(stack.try_apply("this is not a tar archive"));
  stack.apply({file(".wh..wh.plnk/x"), file(".wh..wh.aufs")});
  EXPECT_EQ(stack.diff_text(), Lines{});
}

TEST(Hostile, DeepTreesAreTrees) {
  std::string path = "d";
  while (path.size() < 1200) path += "/d";
  Stack stack;
  stack.apply({file(path, "deep")});
  EXPECT_EQ(stack.diff().back().entry.path, path);
  EXPECT_EQ(stack.tree().back().entry.path, path);
}

TEST(Diff, LeavesOutWhatIsOverlayfsOwnAndSockets) {
  Stack stack;
  stack.apply({file("f", "x")});
  const std::string f = stack.layers()[0] + "/f";
  ASSERT_EQ(::setxattr(f.c_str(), "user.overlay.origin", "", 0, 0), 0);
  ASSERT_EQ(::setxattr(f.c_str(), "user.overlay.impure", "y", 1, 0), 0);
  ASSERT_EQ(::mknod((stack.layers()[0] + "/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_EQ(stack.diff(), (std::vector<Item>{file("f", "x")}));
  // What was a device and has content is a file.
  stack.apply({device("null", 1, 3)});
  ASSERT_OK(os::replace_file(stack.layers()[0] + "/null", "written"));
  EXPECT_EQ(stack.diff_text(), Lines{"null=written"});
  ASSERT_OK(os::replace_file(stack.layers()[0] + "/.wh.x", ""));
  StringSink sink;
  archive::TarWriter tar(sink);
  EXPECT_EQ(diff_layer(stack.layers()[0], {}, Tier::kUserns, {}, {}, {}, tar).error().code,
            Errc::kUnsupported);
}

TEST(Diff, TellsOfTheRootOnlyWhenItChanged) {
  Stack stack;
  stack.apply({dir("", 0755), file("a")});
  EXPECT_EQ(stack.diff_text(), Lines{"a"});
  stack.apply({owned(dir("", 0700), 5, 5)});
  EXPECT_EQ(stack.diff_text(), Lines{"/ 5:5"});
  stack.apply({file("b")});
  EXPECT_EQ(stack.diff_text(), Lines{"b"});
  EXPECT_EQ(stack.tree_text(), (Lines{"/ 5:5", "a", "b"}));
}

TEST(Diff, ClampsTimesAndReportsAFullDisk) {
  Stack stack;
  stack.apply({dir("a"), file("b", "x")});
  const std::vector<Item> items = stack.diff({.clamp_mtime = 1500});
  EXPECT_EQ(items[0].entry.mtime_s, 1000);
  EXPECT_EQ(items[1].entry.mtime_s, 1500);

  class FullSink final : public Sink {
   public:
    Result<void> write(std::string_view) override {
      return fail(os_error(ENOSPC, "write", "layer"));
    }
  };
  FullSink full;
  archive::TarWriter tar(full);
  const auto written = diff_layer(stack.layers()[0], {}, Tier::kUserns, {}, {}, {}, tar);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::kNoSpace);
  EXPECT_FALSE(written.error().hint.empty());
}

TEST(Capabilities, AreRevision2InImages) {
  const std::string two("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  std::string three = two + std::string("\xd2\x04\0\0", 4);
  three[3] = 3;
  EXPECT_EQ(to_revision_2(three), two);
  EXPECT_EQ(to_revision_2(two), two);
  if (::geteuid() != 0) GTEST_SKIP() << "setting capabilities needs a user namespace or root";
  Stack stack;
  Item ping = file("ping", "x", 0755);
  ping.entry.xattrs = {{"security.capability", two}};
  stack.apply({ping});
  EXPECT_EQ(stack.diff(), std::vector<Item>{ping});
}

TEST(Local, FilesAreTheCallersAndDevicesAreLeftOut) {
  Stack stack;
  stack.apply({dir("d", 0750), owned(file("d/f", "old", 0640), 5, 5), symlink_to("l", "/etc"),
               device("null", 1, 3), file("gone")});
  stack.apply({file("d/f", "new", 04755), hardlink_to("d/g", "d/f"), file(".wh.gone"),
               file("in/the/way", "x")});
  const std::string to = stack.outside("out");
  ASSERT_OK(os::mkdirs(to));
  ASSERT_OK(os::mkdirs(stack.outside("elsewhere")));
  ASSERT_EQ(::symlink(stack.outside("elsewhere").c_str(), (to + "/in").c_str()), 0);
  ASSERT_OK(os::replace_file(to + "/l", "was here"));
  for (int twice = 0; twice < 2; ++twice) {
    const auto warnings = copy_tree_local(stack.layers(), Tier::kUserns, stack.owners(), to);
    ASSERT_OK(warnings);
    EXPECT_EQ(*warnings, Lines{"/null was left out: it is a device"});
    EXPECT_EQ(*os::read_file(to + "/d/f"), "new");
    EXPECT_EQ(stat_of(to + "/d/f").st_uid, ::geteuid());
    EXPECT_EQ(stat_of(to + "/d/f").st_mode & 07777, 04755u);
    EXPECT_EQ(stat_of(to + "/d/f").st_mtime, 2000);
    EXPECT_EQ(stat_of(to + "/d/f").st_ino, stat_of(to + "/d/g").st_ino);
    EXPECT_EQ(stat_of(to + "/d").st_mode & 07777, 0750u);
    EXPECT_TRUE(S_ISLNK(stat_of(to + "/l").st_mode));
    EXPECT_FALSE(os::exists(to + "/gone"));
    EXPECT_EQ(*os::read_file(to + "/in/the/way"), "x");
    EXPECT_FALSE(os::exists(stack.outside("elsewhere/the")));
  }
}

TEST(LoadOwners, LaysSidecarsOverEachOther) {
  TempDir dir;
  using owners::Change;
  const auto write = [&](const std::string& name, const owners::Sidecar& sidecar) {
    ASSERT_OK(os::replace_file(dir / name, owners::to_bytes(sidecar)));
  };
  write("1", {{.path = "a", .record = {.uid = 1}}, {.path = "b", .record = {.uid = 2}}});
  write("3", {{.kind = Change::Kind::kRemove, .path = "a", .record = {}}});
  const auto owners = load_owners({dir / "1", dir / "2-is-absent", dir / "3"});
  ASSERT_OK(owners);
  EXPECT_EQ(owners->all().size(), 1u);
  ASSERT_OK(os::replace_file(dir / "bad", "nonsense"));
  EXPECT_EQ(load_owners({dir / "bad"}).error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace lichen::store
