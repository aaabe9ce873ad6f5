#include "bare/tree.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "bare/path.h"
#include "bare/proc_text.h"
#include "bare/tree_testing.h"

namespace lichen::bare {
namespace {

using testing::View;

TEST(Lexical, NormalizesPaths) {
  struct Case {
    const char *path, *normal;
    bool slash;
  };
  constexpr Case kCases[] = {{"/", "", true},
                             {"/a", "/a", false},
                             {"//a/./b/", "/a/b", true},
                             {"/a/../../b", "/b", false},
                             {"/a/b/.", "/a/b", true},
                             {"/a/b/..", "/a", true},
                             {"/...", "/...", false}};
  for (const Case& one : kCases) {
    const Lexical lexical = to_lexical(one.path);
    EXPECT_EQ(lexical.path, one.normal) << one.path;
    EXPECT_EQ(lexical.slash_at_end, one.slash) << one.path;
  }
  EXPECT_EQ(to_lexical("/a/b/../c").turns, std::vector<std::string>{"/a/b"});
}

TEST(Lexical, SeesWhatIsBeneath) {
  EXPECT_EQ(beneath("/a/b", "/a"), "/b");
  EXPECT_EQ(beneath("/a", "/a"), "");
  EXPECT_EQ(beneath("/ab", "/a"), std::nullopt);
  EXPECT_EQ(beneath("/a", ""), "/a");
  EXPECT_EQ(beneath("/", ""), "");
  EXPECT_EQ(beneath("/a", "/"), "/a");
}

TEST(Lexical, KnowsMagicLinks) {
  EXPECT_EQ(magic_of("/12/cwd"), Magic::kCwd);
  EXPECT_EQ(magic_of("/12/task/13/root"), Magic::kRoot);
  EXPECT_EQ(magic_of("/12/exe"), Magic::kExe);
  EXPECT_EQ(magic_of("/12/fd/3"), Magic::kFile);
  EXPECT_EQ(magic_of("/12/fd"), Magic::kNone);
  EXPECT_EQ(magic_of("/self"), Magic::kNone);
  EXPECT_EQ(magic_of("/12/net/fd/3"), Magic::kNone);
  EXPECT_EQ(process_of("/12/fd"), 12);
  EXPECT_EQ(process_of("/12x/fd"), 0);
  EXPECT_EQ(process_of("/mounts"), 0);
}

// By openat2, and name by name.
class TreeTest : public ::testing::TestWithParam<bool> {
 protected:
  struct Case {
    const char *path, *found;
  };
  void expect(std::initializer_list<Case> cases) {
    for (const Case& one : cases) EXPECT_EQ(view_.find(one.path), one.found) << one.path;
  }

  View view_{::testing::TempDir() + "bare_tree", {.may_openat2 = GetParam()}};
};

TEST_P(TreeTest, StaysInTheRoot) {
  view_.write("/etc/passwd");
  view_.link("/etc/passwd", "/abs");
  view_.link("../../../etc/passwd", "/a/up");
  view_.link("/usr/lib", "/lib");
  view_.write("/usr/lib/x");
  expect({
      {"/", "/"},
      {"/..", "/"},
      {"/../../etc/passwd", "/etc/passwd"},
      {"/etc/./passwd", "/etc/passwd"},
      {"/abs", "/etc/passwd"},
      {"/a/up", "/etc/passwd"},
      {"/lib/x", "/usr/lib/x"},
      {"/lib/../lib/x", "/usr/lib/x"},  // /usr/lib/x by /usr
      {"/lib/", "/usr/lib"},
      {"/none", "-ENOENT"},
      {"/none/../etc/passwd", "-ENOENT"},
      {"/lib/none", "-ENOENT"},
      {"/etc/passwd/", "-ENOTDIR"},
      {"/etc/passwd/x", "-ENOTDIR"},
      {"/etc/passwd/.", "-ENOTDIR"},
      {"/etc/passwd/../passwd", "-ENOTDIR"},
  });
  EXPECT_EQ(view_.find("/abs", Last::kKeep), "/abs");
  EXPECT_EQ(view_.find("/lib/", Last::kKeep), "/usr/lib");
  EXPECT_EQ(view_.find("/" + std::string(300, 'x')), "-ENAMETOOLONG");
}

TEST_P(TreeTest, CountsLinks) {
  view_.link("b", "/a");
  view_.link("a", "/b");
  EXPECT_EQ(view_.find("/a"), "-ELOOP");
  EXPECT_EQ(view_.find("/a", Last::kKeep), "/a");
}

TEST_P(TreeTest, CrossesMounts) {
  std::ofstream(view_.volume("/inside")) << "";
  std::filesystem::create_directory(view_.volume("/sub"));
  std::filesystem::create_symlink("/etc", view_.volume("/sub/etc"));
  std::filesystem::create_symlink("../..", view_.volume("/sub/up"));
  view_.write("/vol/covered");
  view_.write("/etc/x");
  view_.link("/vol", "/link");
  view_.link("/", "/top");
  expect({
      {"/vol", "/vol"},
      {"/vol/", "/vol"},
      {"/vol/inside", "/vol/inside"},
      {"/vol/covered", "-ENOENT"},
      {"/link/inside", "/vol/inside"},
      {"/link/covered", "-ENOENT"},
      {"/link", "/vol"},
      {"/vol/../etc/x", "/etc/x"},
      {"/vol/..", "/"},
      {"/vol/sub/etc/x", "/etc/x"},
      {"/vol/sub/up/etc/x", "/etc/x"},
      {"/etc/../vol/inside", "/vol/inside"},
      {"/top/vol/inside", "/vol/inside"},
      {"/top/vol/covered", "-ENOENT"},
      {"/vol/inside/", "-ENOTDIR"},
      {"/dev/null", "/dev/null"},
  });
  EXPECT_EQ(view_.find("/dev/fd"), "/proc/" + std::to_string(::getpid()) + "/fd");
}

TEST_P(TreeTest, StartsAtDescriptors) {
  view_.write("/dir/sub/file");
  view_.link("/dir", "/dir/abs");
  const os::UniqueFd directory(::open(view_.real("/dir/sub").c_str(), O_PATH | O_CLOEXEC));
  const os::UniqueFd file(::open(view_.real("/dir/sub/file").c_str(), O_RDONLY | O_CLOEXEC));
  const int at = directory.get();
  EXPECT_EQ(view_.find("file", Last::kFollow, at), "/dir/sub/file");
  EXPECT_EQ(view_.find("../abs/sub", Last::kFollow, at), "/dir/sub");
  EXPECT_EQ(view_.find("../../../../dir", Last::kFollow, at), "/dir");
  EXPECT_EQ(view_.find("", Last::kFollow, at), "/dir/sub");
  EXPECT_EQ(view_.find("x", Last::kFollow, file.get()), "-ENOTDIR");
  EXPECT_EQ(view_.find(".", Last::kFollow, file.get()), "-ENOTDIR");
  EXPECT_EQ(view_.find("x", Last::kFollow, 987654), "-EBADF");
  EXPECT_EQ(view_.find("", Last::kFollow, 987654), "-EBADF");
  ASSERT_EQ(::fchdir(at), 0);
  EXPECT_EQ(view_.find("file"), "/dir/sub/file");
  EXPECT_EQ(view_.find("."), "/dir/sub");
  std::filesystem::remove_all(view_.real("/dir/sub"));
  EXPECT_EQ(view_.find("file"), "-ENOENT");
  EXPECT_EQ(view_.find("."), "outside");  // it is there, and has no name
  EXPECT_EQ(view_.find(".."), "-ENOENT");
}

TEST_P(TreeTest, FindsEntries) {
  view_.write("/d/file");
  view_.link("target", "/d/dangling");
  view_.link("/d/dangling", "/twice");
  EXPECT_EQ(view_.find_entry("/d/new"), "/d new");
  EXPECT_EQ(view_.find_entry("/d/new/"), "/d new/");
  EXPECT_EQ(view_.find_entry("/new"), "/ new");
  EXPECT_EQ(view_.find_entry("/vol"), "/ vol mount");
  EXPECT_EQ(view_.find_entry("/vol/x"), "/vol x");
  EXPECT_EQ(view_.find_entry("/"), "-EEXIST");
  EXPECT_EQ(view_.find_entry("/d/.."), "-EEXIST");
  EXPECT_EQ(view_.find_entry("/none/x"), "-ENOENT");
  EXPECT_EQ(view_.find_entry("/none/.."), "-ENOENT");
  EXPECT_EQ(view_.find_entry("/d/file/x"), "-ENOTDIR");
  EXPECT_EQ(view_.find_entry(""), "-ENOENT");
  EXPECT_EQ(view_.find_entry("/twice"), "/ twice");
  EXPECT_EQ(view_.find_entry("/twice", true), "/d target");
}

TEST_P(TreeTest, ShowsOnlyTheStepsProcesses) {
  const std::string own = "/proc/" + std::to_string(::getpid());
  EXPECT_EQ(view_.find("/proc/self"), own);
  EXPECT_EQ(view_.find("/proc/self", Last::kKeep), "/proc/self");
  EXPECT_EQ(view_.find("/proc/self/status"), own + "/status");
  EXPECT_EQ(view_.find("/proc/1/status"), own + "/status");  // the step's first
  EXPECT_EQ(view_.find("/proc/" + std::to_string(::getppid())), "-ENOENT");
  EXPECT_EQ(view_.find("/proc/meminfo"), "/proc/meminfo");
  EXPECT_EQ(view_.find("/proc/self/root"), "/");
  EXPECT_EQ(view_.find("/proc/self/root/vol"), "/vol");
  view_.write("/etc/x");
  ASSERT_EQ(::chdir(view_.real("/etc").c_str()), 0);
  EXPECT_EQ(view_.find("/proc/self/cwd/x"), "/etc/x");
  EXPECT_EQ(view_.find("/proc/self/cwd/.."), "/");
  EXPECT_EQ(view_.read_link("/proc/self"), std::to_string(::getpid()));
  EXPECT_EQ(view_.read_link("/proc/self/root"), "/");
}

TEST_P(TreeTest, FollowsDescriptorsOfProc) {
  view_.write("/file", "text");
  const os::UniqueFd file(::open(view_.real("/file").c_str(), O_RDONLY | O_CLOEXEC));
  const std::string link = "/proc/self/fd/" + std::to_string(file.get());
  EXPECT_EQ(view_.read_link(link), "/file");
  EXPECT_EQ(view_.find(link), "/file");
  EXPECT_EQ(view_.read("/dev/fd/" + std::to_string(file.get())), "text");
  std::filesystem::remove(view_.real("/file"));
  EXPECT_EQ(view_.read_link(link), "/file (deleted)");
  EXPECT_EQ(view_.read(link), "text");
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const os::UniqueFd out(ends[0]), in(ends[1]);
  EXPECT_TRUE(S_ISFIFO(view_.see("/proc/self/fd/" + std::to_string(ends[0])).st_mode));
  EXPECT_EQ(view_.read_link("/proc/self/fd/" + std::to_string(ends[0])).substr(0, 6), "pipe:[");
}

// However the step has come by a descriptor: only that it was given one makes the file its own.
TEST_P(TreeTest, RefusesFilesOfTheHost) {
  view_.write("/etc/x");
  const os::UniqueFd host(::open(view_.real("/../layer").c_str(), O_PATH | O_CLOEXEC));
  const std::string link = "/proc/self/fd/" + std::to_string(host.get());
  EXPECT_EQ(view_.find("", Last::kFollow, host.get()), "-EACCES");
  EXPECT_EQ(view_.find("file", Last::kFollow, host.get()), "-EACCES");
  EXPECT_EQ(view_.find("../tree", Last::kFollow, host.get()), "-EACCES");
  EXPECT_EQ(view_.find(link), "-EACCES");
  EXPECT_EQ(view_.find(link + "/file"), "-EACCES");
  ASSERT_EQ(::fchdir(host.get()), 0);
  EXPECT_EQ(view_.find("file"), "-EACCES");
  EXPECT_EQ(view_.find("/proc/self/cwd"), "-EACCES");
  EXPECT_EQ(view_.find("/etc/x"), "/etc/x");
  view_.model->give(host);
  EXPECT_EQ(view_.find(link), "outside");

  const std::string process = "/proc/" + std::to_string(::getppid());
  const os::UniqueFd other(::open(process.c_str(), O_PATH | O_CLOEXEC));
  EXPECT_EQ(view_.find("status", Last::kFollow, other.get()), "-EACCES");
  const os::UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(S_ISCHR(view_.see("/proc/self/fd/" + std::to_string(nothing.get())).st_mode));
  const os::UniqueFd memory(::memfd_create("memory", MFD_CLOEXEC));
  EXPECT_TRUE(S_ISREG(view_.see("/proc/self/fd/" + std::to_string(memory.get())).st_mode));
}

TEST_P(TreeTest, OpensOnlyTheStepsTerminals) {
  const os::UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master.valid()) GTEST_SKIP() << "no pty here";
  const std::string name = ::ptsname(master.get());
  EXPECT_EQ(view_.find(name), name);
  EXPECT_EQ(view_.open(name, O_RDWR | O_NOCTTY), -EACCES);
  EXPECT_EQ(view_.call(answer_mode, SYS_fchmodat, AT_FDCWD, name.c_str(), 0666), -EPERM);
  view_.model->terminals.add_of(master);
  EXPECT_EQ(::unlockpt(master.get()), 0);
  const os::UniqueFd slave(view_.open(name, O_RDWR | O_NOCTTY));
  EXPECT_TRUE(slave.valid());
}

TEST(Terminals, AreKnownByTheirMasters) {
  Terminals terminals;
  EXPECT_FALSE(terminals.has(::makedev(136, 70)));
  terminals.add_by_info("pos:\t0\nflags:\t02\nmnt_id:\t24\n");
  terminals.add_by_info("pos:\t0\nflags:\t02\nmnt_id:\t24\ntty-index:\t70\n");
  EXPECT_TRUE(terminals.has(::makedev(136, 70)));
  EXPECT_FALSE(terminals.has(::makedev(136, 7)));
}

TEST_P(TreeTest, AsksForSearchPermission) {
  view_.write("/home/alice/file");
  view_.write("/open/file");
  view_.give("/home/alice", 1000, 0700);
  EXPECT_EQ(view_.find("/home/alice/file"), "/home/alice/file");
  view_.become(1000);
  EXPECT_EQ(view_.find("/home/alice/file"), "/home/alice/file");
  EXPECT_EQ(view_.find_entry("/home/alice/new"), "/home/alice new");
  view_.become(33);
  EXPECT_EQ(view_.find("/open/file"), "/open/file");
  EXPECT_EQ(view_.find("/home/alice"), "/home/alice");
  EXPECT_EQ(view_.find("/home/alice/file"), "-EACCES");
  EXPECT_EQ(view_.find("/home/alice/none"), "-EACCES");
  EXPECT_EQ(view_.find("/home/none"), "-ENOENT");
  EXPECT_EQ(view_.find_entry("/home/alice/new"), "-EACCES");
}

TEST_P(TreeTest, HasOtherRootsAfterChroot) {
  view_.write("/jail/etc/x");
  view_.link("/etc", "/jail/abs");
  ASSERT_EQ(view_.call(answer_directory, SYS_chroot, "/jail"), 0);
  EXPECT_EQ(view_.find("/etc/x"), "/jail/etc/x");
  EXPECT_EQ(view_.find("/abs/x"), "/jail/etc/x");
  EXPECT_EQ(view_.find("/../../etc/x"), "/jail/etc/x");
  EXPECT_EQ(view_.find("/proc"), "-ENOENT");
  ASSERT_EQ(::chdir(view_.real("/jail/etc").c_str()), 0);
  std::array<char, 64> path{};
  EXPECT_EQ(view_.call(answer_directory, SYS_getcwd, path.data(), path.size()), 5);
  EXPECT_STREQ(path.data(), "/etc");
  EXPECT_EQ(view_.call(answer_directory, SYS_chroot, "/none"), -ENOENT);
  view_.become(33);
  EXPECT_EQ(view_.call(answer_directory, SYS_chroot, "/"), -EPERM);
}

INSTANTIATE_TEST_SUITE_P(Lookup, TreeTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "openat2" : "names"; });

TEST(ProcText, ShowsPathsAsTheStepSeesThem) {
  View view(::testing::TempDir() + "bare_text", {});
  const std::string line = "7f00-7f01 r-xp 00000000 fe:00 12                 ";
  EXPECT_EQ(translated_maps(view.model->tree, line + view.real("/lib/libc.so") + "\n"),
            line + "/lib/libc.so\n");
  EXPECT_EQ(translated_maps(view.model->tree, line + view.real("/x") + " (deleted)\n"),
            line + "/x (deleted)\n");
  EXPECT_EQ(translated_maps(view.model->tree, "7ff0-7ff1 rw-p 0 0:0 0   [stack]\n"),
            "7ff0-7ff1 rw-p 0 0:0 0   [stack]\n");
  EXPECT_EQ(view.read("/proc/self/mounts").substr(0, 36), "overlay / overlay rw,relatime 0 0\npr");
  EXPECT_EQ(view.read("/proc/self/mounts"), view.read("/proc/mounts"));
  EXPECT_NE(view.read("/proc/self/mountinfo").find(" /vol rw"), std::string::npos);
  view.write("/mapped", "text");
  const os::UniqueFd file(::open(view.real("/mapped").c_str(), O_RDONLY | O_CLOEXEC));
  void* mapped = ::mmap(nullptr, 4, PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const std::string maps = view.read("/proc/self/maps");
  EXPECT_NE(maps.find(" /mapped\n"), std::string::npos);
  EXPECT_EQ(maps.find(view.real("/")), std::string::npos);
  ::munmap(mapped, 4);
  EXPECT_EQ(view.open("/proc/sys/kernel/hostname", O_WRONLY), -EROFS);
}

}  // namespace
}  // namespace lichen::bare
