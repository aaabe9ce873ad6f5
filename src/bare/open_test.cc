// open, create, stat and readlink of a step, with and without a listener.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "bare/tree_testing.h"

namespace lichen::bare {
namespace {

using testing::View;

class OpenTest : public ::testing::TestWithParam<bool> {
 protected:
  View view_{::testing::TempDir() + "bare_open",
             {.traced = GetParam(), .layer = {"frozen", "other"}}};

  int create(long nr, const std::string& path, mode_t mode, unsigned device = 0) {
    return static_cast<int>(view_.call(answer_create, nr, AT_FDCWD, path.c_str(), mode, device));
  }
  std::uint32_t mode_of(const std::string& path) { return view_.see(path).st_mode & 07777; }
  std::uint32_t real_mode_of(const std::string& path) { return view_.status(path).st_mode & 07777; }
};

TEST_P(OpenTest, SaysNoAsTheKernelDoes) {
  view_.write("/file", "text");
  view_.write("/dir/x");
  view_.link("file", "/link");
  view_.link("none", "/dangling");
  struct Case {
    const char* path;
    int flags, error;
  };
  const Case cases[] = {
      {"", O_RDONLY, ENOENT},
      {"/none", O_RDONLY, ENOENT},
      {"/none/x", O_WRONLY | O_CREAT, ENOENT},
      {"/file/x", O_WRONLY | O_CREAT, ENOTDIR},
      {"/file", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
      {"/link", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
      {"/dangling", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
      {"/vol", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
      {"/", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
      {"/dir", O_WRONLY, EISDIR},
      {"/dir", O_RDONLY | O_TRUNC, EISDIR},
      {"/dir", O_RDONLY | O_CREAT, EISDIR},
      {"/new/", O_RDONLY | O_CREAT, EISDIR},
      {"/file", O_RDONLY | O_DIRECTORY, ENOTDIR},
      {"/file", O_RDONLY | O_CREAT | O_DIRECTORY, EINVAL},
      {"/link", O_RDONLY | O_NOFOLLOW, ELOOP},
      {"/link", O_RDONLY | O_NOFOLLOW | O_CREAT, ELOOP},
      {"/dangling", O_RDONLY, ENOENT},
      {"/dir", O_RDONLY | O_TMPFILE, EINVAL},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(view_.open(one.path, one.flags, 0644), -one.error) << one.path << " " << one.flags;
  }
  EXPECT_EQ(view_.call(answer_open, SYS_openat, AT_FDCWD, nullptr, O_RDONLY), -EFAULT);
  EXPECT_EQ(view_.call(answer_open, SYS_openat2, AT_FDCWD, "/file"), -ENOSYS);
  EXPECT_EQ(view_.status("/new").st_nlink, 0u);
}

TEST_P(OpenTest, MakesFilesWithTheCallersMask) {
  ::umask(027);
  os::UniqueFd file(view_.open("/read-only", O_CREAT | O_WRONLY, 0466));
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(::write(file.get(), "x", 1), 1);
  EXPECT_EQ(mode_of("/read-only"), 0440u);
  EXPECT_EQ(real_mode_of("/read-only"), 0640u);
  file.reset(view_.open("/read-only", O_WRONLY | O_TRUNC | O_CREAT, 0666));
  EXPECT_TRUE(file.valid());
  EXPECT_EQ(view_.status("/read-only").st_size, 0);
  view_.link("/target", "/dangling");
  file.reset(view_.open("/dangling", O_CREAT | O_RDWR, 0666));
  EXPECT_TRUE(file.valid());
  EXPECT_EQ(real_mode_of("/target"), 0640u);
  file.reset(view_.open("/set", O_CREAT | O_RDWR, 04755));
  EXPECT_EQ(mode_of("/set"), 04750u);
  EXPECT_EQ(real_mode_of("/set"), 0750u);
  file.reset(view_.open("/set", O_RDONLY));
  EXPECT_EQ(mode_of("/set"), 04750u);
  file.reset(view_.open("/set", O_WRONLY));
  EXPECT_EQ(mode_of("/set"), 0750u);  // root of a user namespace does not keep it
}

TEST_P(OpenTest, MakesUnnamedFiles) {
  const os::UniqueFd file(view_.open("/", O_TMPFILE | O_RDWR, 0400));
  if (!file.valid()) GTEST_SKIP() << "no O_TMPFILE on this file system";
  EXPECT_EQ(::write(file.get(), "x", 1), 1);
  struct stat status {};
  ASSERT_EQ(view_.call(answer_stat, SYS_fstat, file.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0400u);
}

TEST_P(OpenTest, NeverChangesALayer) {
  ASSERT_EQ(view_.see("/frozen").st_nlink, 1u);
  const ino_t before = view_.status("/frozen").st_ino;
  ::setxattr(view_.real("/frozen").c_str(), "user.x", "1", 1, 0);
  view_.give("/frozen", 33, 0640);
  ::chmod(view_.real("/frozen").c_str(), 0644);
  os::UniqueFd file(view_.open("/frozen", O_RDONLY));
  EXPECT_TRUE(file.valid());
  EXPECT_EQ(view_.status("/frozen").st_ino, before);
  const struct stat old = view_.see("/frozen");

  os::UniqueFd written(view_.open("/frozen", O_WRONLY | O_APPEND));
  ASSERT_TRUE(written.valid());
  EXPECT_NE(view_.status("/frozen").st_ino, before);
  struct stat now = view_.see("/frozen");
  EXPECT_EQ(now.st_uid, 33u);
  EXPECT_EQ(now.st_mode, old.st_mode);
  EXPECT_EQ(now.st_mtim.tv_sec, old.st_mtim.tv_sec);
  EXPECT_EQ(now.st_mtim.tv_nsec, old.st_mtim.tv_nsec);
  EXPECT_EQ(::write(written.get(), "!", 1), 1);
  EXPECT_EQ(view_.read("/frozen"), "frozen!");
  EXPECT_EQ(view_.in_layer("frozen"), "frozen");
  // Who has the layer's file open may open it again, but not write to it.
  const std::string again = "/proc/self/fd/" + std::to_string(file.get());
  written.reset(view_.open(again, O_WRONLY | O_TRUNC));
  EXPECT_EQ(view_.in_layer("frozen"), "frozen");
  EXPECT_EQ(view_.read("/frozen"), written.valid() ? "" : "frozen!");

  written.reset(view_.open("/other", O_RDONLY | O_TRUNC));
  ASSERT_TRUE(written.valid());
  EXPECT_EQ(view_.see("/other").st_size, 0);
  EXPECT_EQ(view_.in_layer("other"), "other");
}

TEST_P(OpenTest, RemovedFilesOfALayerStayAsTheyAre) {
  const os::UniqueFd file(view_.open("/frozen", O_RDONLY));
  std::filesystem::remove(view_.real("/frozen"));
  const std::string again = "/proc/self/fd/" + std::to_string(file.get());
  const os::UniqueFd written(view_.open(again, O_WRONLY));
  if (written.valid()) {
    EXPECT_EQ(::write(written.get(), "XXX", 3), 3);
  }
  EXPECT_EQ(view_.in_layer("frozen"), "frozen");
}

TEST_P(OpenTest, CopiesUpLinksAndFifos) {
  // By hand: what chown and utimensat of a symlink do.
  std::filesystem::create_symlink("target", view_.real("/link"));
  ASSERT_EQ(::mkfifo(view_.real("/fifo").c_str(), 0640), 0);
  const ino_t link = view_.status("/link").st_ino, fifo = view_.status("/fifo").st_ino;
  // The layer's own names.
  for (const std::string path : {"/link", "/fifo"}) {
    ASSERT_EQ(::link(view_.real(path).c_str(), view_.real("/.." + path).c_str()), 0);
  }
  Model& model = *view_.model;
  model.frozen =
      std::make_unique<Frozen>(std::unordered_map<ino_t, nlink_t>{{link, 3}, {fifo, 1}},
                               std::unordered_set<ino_t>{}, view_.status("/").st_dev,
                               os::UniqueFd(::open(view_.real("/..").c_str(), O_PATH | O_CLOEXEC)));
  EXPECT_EQ(view_.see("/link", AT_SYMLINK_NOFOLLOW).st_nlink, 3u);
  for (const char* path : {"/link", "/fifo"}) {
    Answer<File> file = to_file(model.tree.open_plain(path), &model.tree.root());
    const auto status = file->status;
    ASSERT_TRUE(model.frozen->copy_up(model, *file));
    EXPECT_NE(file->status.stx_ino, status.stx_ino);
    EXPECT_EQ(file->status.stx_ino, view_.status(path).st_ino);
    EXPECT_EQ(file->status.stx_mode, status.stx_mode);
    EXPECT_EQ(file->status.stx_mtime.tv_nsec, status.stx_mtime.tv_nsec);
    // Somebody else had it found before: the same private copy.
    Answer<File> stale = to_file(model.tree.open_plain(path), &model.tree.root());
    EXPECT_FALSE(model.frozen->holds(stale->status));
  }
  EXPECT_EQ(view_.read_link("/link"), "target");
}

TEST_P(OpenTest, JudgesOtherUsers) {
  ASSERT_EQ(::chmod(view_.real("/").c_str(), 0755), 0);
  view_.write("/secret", "text");
  view_.give("/secret", 0, 0640);
  view_.write("/home/file", "mine");
  view_.give("/home", 1000, 02755);
  view_.give("/home/file", 1000, 0400);
  view_.become(1000);
  EXPECT_EQ(view_.read("/secret"), "-EACCES");
  EXPECT_EQ(view_.open("/secret", O_CREAT | O_EXCL | O_WRONLY, 0644), -EEXIST);
  EXPECT_EQ(view_.open("/new", O_CREAT | O_WRONLY, 0644), -EACCES);
  EXPECT_EQ(view_.read("/home/file"), "mine");
  EXPECT_EQ(view_.open("/home/file", O_WRONLY), -EACCES);
  const os::UniqueFd made(view_.open("/home/new", O_CREAT | O_WRONLY, 0644));
  EXPECT_TRUE(made.valid());
  EXPECT_EQ(view_.see("/home/new").st_uid, 1000u);
  EXPECT_EQ(create(SYS_mkdirat, "/secret", 0755), -EEXIST);
  EXPECT_EQ(create(SYS_mkdirat, "/dir", 0755), -EACCES);
  EXPECT_EQ(create(SYS_mkdirat, "/home/dir", 0755), 0);
  EXPECT_EQ(view_.see("/home/dir").st_mode, S_IFDIR | 02755u);
  EXPECT_EQ(create(SYS_mknodat, "/home/null", S_IFCHR | 0666, ::makedev(1, 3)), -EPERM);
}

TEST_P(OpenTest, OpensDevices) {
  EXPECT_EQ(view_.see("/dev/null").st_mode, S_IFCHR | 0666u);
  EXPECT_EQ(view_.see("/dev/null").st_rdev, ::makedev(1, 3));
  EXPECT_EQ(view_.see("/dev/shm").st_mode, S_IFDIR | 01777u);
  const os::UniqueFd null(view_.open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666));
  ASSERT_TRUE(null.valid());
  EXPECT_EQ(::write(null.get(), "x", 1), 1);
  ASSERT_EQ(create(SYS_mknodat, "/zero", S_IFCHR | 0600, ::makedev(1, 5)), 0);
  const os::UniqueFd zero(view_.open("/zero", O_RDONLY));
  char byte = 'x';
  EXPECT_EQ(::read(zero.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(view_.status("/zero").st_mode & S_IFMT, static_cast<mode_t>(S_IFREG));
  ASSERT_EQ(create(SYS_mknodat, "/disk", S_IFBLK | 0600, ::makedev(8, 0)), 0);
  EXPECT_EQ(view_.open("/disk", O_RDONLY), -EPERM);
}

TEST_P(OpenTest, Creates) {
  ::umask(022);
  EXPECT_EQ(create(SYS_mkdirat, "/dir/", 01777), 0);
  EXPECT_EQ(mode_of("/dir"), 01755u);
  EXPECT_EQ(real_mode_of("/dir"), 0755u);
  EXPECT_EQ(create(SYS_mkdirat, "/closed", 0), 0);
  EXPECT_EQ(real_mode_of("/closed"), 0700u);
  EXPECT_EQ(mode_of("/closed"), 0u);
  EXPECT_EQ(create(SYS_mkdirat, "/dir", 0755), -EEXIST);
  EXPECT_EQ(create(SYS_mkdirat, "/", 0755), -EEXIST);
  EXPECT_EQ(create(SYS_mkdirat, "/none/x", 0755), -ENOENT);
  EXPECT_EQ(create(SYS_mknodat, "/dir/fifo", S_IFIFO | 0666), 0);
  EXPECT_EQ(view_.status("/dir/fifo").st_mode, S_IFIFO | 0644u);
  EXPECT_EQ(create(SYS_mknodat, "/dir/file", 0666), 0);
  EXPECT_EQ(create(SYS_mknodat, "/dir/x", S_IFDIR | 0666), -EPERM);
  EXPECT_EQ(create(SYS_mknodat, "/dir/x", S_IFLNK | 0666), -EINVAL);
  EXPECT_EQ(create(SYS_mknodat, "/dir/x/", S_IFREG | 0666), -ENOENT);
  const auto link = [&](const char* target, const char* path) {
    return view_.call(answer_create, SYS_symlinkat, target, AT_FDCWD, path);
  };
  EXPECT_EQ(link("/dir/file", "/link"), 0);
  EXPECT_EQ(link("/dir/file", "/link"), -EEXIST);
  EXPECT_EQ(link("", "/empty"), -ENOENT);
  EXPECT_EQ(view_.read_link("/link"), "/dir/file");
  EXPECT_EQ(view_.read_link("/dir"), "-EINVAL");
}

TEST_P(OpenTest, ShowsOwnFilesAsRoots) {
  view_.write("/file", "text");
  const struct stat status = view_.see("/file");
  EXPECT_EQ(status.st_uid, 0u);
  EXPECT_EQ(status.st_gid, 0u);
  EXPECT_EQ(status.st_size, 4);
  EXPECT_EQ(status.st_ino, view_.status("/file").st_ino);
  struct statx more {};
  ASSERT_EQ(view_.call(answer_stat, SYS_statx, AT_FDCWD, "/file", 0, STATX_ALL, &more), 0);
  EXPECT_EQ(more.stx_size, 4u);
  EXPECT_EQ(view_.call(answer_stat, SYS_statx, AT_FDCWD, "/file", 0x800000, STATX_ALL, &more),
            -EINVAL);
  struct stat buffer {};
  EXPECT_EQ(view_.call(answer_stat, SYS_fstat, 987654, &buffer), -EBADF);
  EXPECT_EQ(view_.call(answer_stat, SYS_newfstatat, AT_FDCWD, "", &buffer, 0), -ENOENT);
  EXPECT_EQ(view_.call(answer_stat, SYS_newfstatat, AT_FDCWD, "/file", nullptr, 0), -EFAULT);
  const os::UniqueFd other(::memfd_create("x", MFD_CLOEXEC));
  EXPECT_EQ(view_.call(answer_stat, SYS_fstat, other.get(), &buffer), 0);
  EXPECT_EQ(buffer.st_uid, 0u);
}

TEST_P(OpenTest, KnowsTheCurrentDirectory) {
  view_.write("/a/b/file");
  ASSERT_EQ(::chdir(view_.real("/a/b").c_str()), 0);
  std::array<char, 64> path{};
  EXPECT_EQ(view_.call(answer_directory, SYS_getcwd, path.data(), path.size()), 5);
  EXPECT_STREQ(path.data(), "/a/b");
  EXPECT_EQ(view_.call(answer_directory, SYS_getcwd, path.data(), 4), -ERANGE);
  EXPECT_EQ(view_.call(answer_directory, SYS_chdir, "/a"), 0);  // a Rewrite, carried out
  EXPECT_EQ(view_.find("."), "/a");
  EXPECT_EQ(view_.call(answer_directory, SYS_chdir, "b/file"), -ENOTDIR);
  EXPECT_EQ(view_.call(answer_directory, SYS_chdir, "none"), -ENOENT);
  std::filesystem::remove_all(view_.real("/a"));
  EXPECT_EQ(view_.call(answer_directory, SYS_getcwd, path.data(), path.size()), -ENOENT);
}

INSTANTIATE_TEST_SUITE_P(BackEnd, OpenTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "traced" : "notified"; });

}  // namespace
}  // namespace lichen::bare
