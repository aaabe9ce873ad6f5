#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <utime.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "bare/change_testing.h"
#include "gtest/gtest.h"

namespace lichen::bare {
namespace {

using testing::Step;

constexpr std::uint32_t kAlice = 1000, kBob = 1001;

class Change : public ::testing::Test {
 protected:
  std::int64_t chmod(const char* path, int mode) {
    return step.call(answer_mode, SYS_fchmodat, AT_FDCWD, path, mode);
  }
  std::int64_t chown(const char* path, std::uint32_t uid, std::uint32_t gid, int flags = 0) {
    return step.call(answer_owner, SYS_fchownat, AT_FDCWD, path, uid, gid, flags);
  }
  std::int64_t unlink(const char* path, int flags = 0) {
    return step.call(answer_remove, SYS_unlinkat, AT_FDCWD, path, flags);
  }
  std::int64_t rename(const char* from, const char* to, unsigned flags = 0) {
    return step.call(answer_rename, SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
  }
  std::int64_t link(const char* from, const char* to, int flags = 0) {
    return step.call(answer_link, SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, flags);
  }
  std::int64_t access(const char* path, int want, int flags = 0) {
    return step.call(answer_access, SYS_faccessat2, AT_FDCWD, path, want, flags);
  }
  std::int64_t truncate(const char* path, std::int64_t length) {
    return step.call(answer_truncate, SYS_truncate, path, length);
  }
  // The layer's file is as it was made, whatever the step did.
  void expect_layer_untouched(const std::string& name, const std::string& content) {
    EXPECT_EQ(Step::slurp(step.in_layer(name)), content);
    struct stat now {};
    ASSERT_EQ(::lstat(step.in_layer(name).c_str(), &now), 0);
    EXPECT_EQ(now.st_mode & 07777u, 0644u);
    EXPECT_EQ(now.st_mtim.tv_sec, layer_time);
  }

  Step step{testing::new_directory(), {{"frozen", "layer"}, {"other", "other"}}};
  time_t layer_time = step.status("/frozen").st_mtim.tv_sec;
};

TEST_F(Change, ModeIsRecordedAndTheRealOneStaysUsable) {
  step.make_file("/f");
  const ino_t before = step.status("/f").st_ino;
  EXPECT_EQ(chmod("/f", 04000), 0);
  EXPECT_EQ(step.owned("/f").mode & 07777, 04000u);
  EXPECT_EQ(step.status("/f").st_mode & 07777, 0600u);
  EXPECT_EQ(step.status("/f").st_ino, before);

  EXPECT_EQ(chmod("/absent", 0644), -ENOENT);
  EXPECT_EQ(chmod("", 0644), -ENOENT);
  EXPECT_EQ(chmod("/vol", 0700), -EROFS);
  ASSERT_EQ(::symlink("f", step.real("/s").c_str()), 0);
  EXPECT_EQ(step.call(answer_mode, emulate::kFchmodat2, AT_FDCWD, "/s", 0600, AT_SYMLINK_NOFOLLOW),
            -EOPNOTSUPP);
  EXPECT_EQ(step.call(answer_mode, emulate::kFchmodat2, AT_FDCWD, "/s", 0600, 1), -EINVAL);
  EXPECT_EQ(chmod("/s", 0711), 0);
  EXPECT_EQ(step.owned("/f").mode & 07777, 0711u);
}

TEST_F(Change, OnlyOwnersChangeModes) {
  step.make_file("/f");
  step.make_file("/hers");
  step.give("/hers", kAlice, 0644);
  step.become(kAlice);
  EXPECT_EQ(chmod("/f", 0600), -EPERM);
  EXPECT_EQ(chmod("/hers", 02755), 0);
  EXPECT_EQ(step.owned("/hers").mode & 07777, 02755u);
  step.become(0);
  EXPECT_EQ(chown("/hers", -1u, kBob), 0);
  step.become(kAlice);
  EXPECT_EQ(chmod("/hers", 02755), 0);  // a group that she is not in
  EXPECT_EQ(step.owned("/hers").mode & 07777, 0755u);
}

TEST_F(Change, OwnersAreRecordsAndTakePrivilegesAway) {
  step.make_file("/f");
  step.give("/f", 0, 06755);
  EXPECT_EQ(step.set_attribute("/f", "security.capability",
                               std::string("\1\0\0\2", 4) + std::string(16, '\1')),
            0);
  EXPECT_EQ(chown("/f", kAlice, kBob), 0);
  EXPECT_EQ(step.owned("/f"), (emulate::Owned{kAlice, kBob, S_IFREG | 0755}));
  EXPECT_EQ(step.attribute("/f", "security.capability"), std::to_string(-ENODATA));
  EXPECT_EQ(step.status("/f").st_uid, ::getuid());

  step.make_directory("/d");
  step.give("/d", 0, 03775);
  EXPECT_EQ(chown("/d", kAlice, -1u), 0);
  EXPECT_EQ(step.owned("/d"), (emulate::Owned{kAlice, 0, S_IFDIR | 03775}));

  step.become(kAlice);
  EXPECT_EQ(chown("/f", kBob, -1u), -EPERM);
  EXPECT_EQ(chown("/f", -1u, kAlice), 0);
  EXPECT_EQ(chown("/vol", 0, 0), -EROFS);
  EXPECT_EQ(chown("/f", 0, 0, 1), -EINVAL);
}

TEST_F(Change, SharedFilesAreCopiedBeforeAnyChange) {
  const struct Row {
    const char* name;
    std::function<std::int64_t(const char*)> change;
  } rows[] = {
      {"chmod", [&](const char* path) { return chmod(path, 0600); }},
      {"chown", [&](const char* path) { return chown(path, kAlice, kAlice); }},
      {"truncate", [&](const char* path) { return truncate(path, 2); }},
      {"xattr", [&](const char* path) { return step.set_attribute(path, "user.a", "b"); }},
      {"capability",
       [&](const char* path) {
         return step.set_attribute(path, "security.capability",
                                   std::string("\0\0\0\2", 4) + std::string(16, 0));
       }},
      {"times",
       [&](const char* path) {
         const std::array<timespec, 2> times{timespec{1, 0}, timespec{2, 0}};
         return step.call(answer_times, SYS_utimensat, AT_FDCWD, path, times.data(), 0);
       }},
      {"link", [&](const char* path) { return link(path, (std::string(path) + "2").c_str()); }},
  };
  for (const Row& row : rows) {
    const std::string path = std::string("/") + row.name;
    ASSERT_EQ(::link(step.in_layer("frozen").c_str(), step.real(path).c_str()), 0);
    EXPECT_EQ(row.change(path.c_str()), 0) << row.name;
    EXPECT_NE(step.status(path).st_ino, step.status("/frozen").st_ino) << row.name;
    EXPECT_EQ(step.content(path), row.name == std::string("truncate") ? "la" : "layer") << row.name;
    expect_layer_untouched("frozen", "layer");
  }
  EXPECT_EQ(step.status("/link").st_ino, step.status("/link2").st_ino);
  EXPECT_EQ(step.status("/times").st_mtim.tv_sec, 2);
}

TEST_F(Change, DescriptorsAreWaysToFindTheFile) {
  const os::UniqueFd fd(::open(step.real("/frozen").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(step.call(answer_mode, SYS_fchmod, fd.get(), 0755), 0);
  EXPECT_EQ(step.call(answer_owner, SYS_fchown, fd.get(), kAlice, kAlice), 0);
  const std::array<timespec, 2> times{timespec{1, 0}, timespec{2, 0}};
  EXPECT_EQ(step.call(answer_times, SYS_utimensat, fd.get(), nullptr, times.data(), 0), 0);
  EXPECT_EQ(step.call(answer_xattr, SYS_fsetxattr, fd.get(), "user.a", "b", 1, 0), 0);
  EXPECT_EQ(step.owned("/frozen"), (emulate::Owned{kAlice, kAlice, S_IFREG | 0755}));
  EXPECT_EQ(step.status("/frozen").st_mtim.tv_sec, 2);
  EXPECT_EQ(step.attribute("/frozen", "user.a"), "b");
  expect_layer_untouched("frozen", "layer");

  const os::UniqueFd only_path(::open(step.real("/frozen").c_str(), O_PATH | O_CLOEXEC));
  EXPECT_EQ(step.call(answer_mode, SYS_fchmod, only_path.get(), 0700), -EBADF);
  EXPECT_EQ(step.call(answer_owner, SYS_fchown, only_path.get(), 0, 0), -EBADF);
  EXPECT_EQ(step.call(answer_mode, SYS_fchmod, 12345, 0700), -EBADF);
  EXPECT_EQ(step.call(answer_owner, SYS_fchownat, only_path.get(), "", 7, 8, AT_EMPTY_PATH), 0);
  EXPECT_EQ(step.owned("/frozen").uid, 7u);
}

TEST_F(Change, TimesAreJudgedByWhatIsAsked) {
  step.make_file("/f");
  step.give("/f", 0, 0666);
  const std::array<timespec, 2> omit{timespec{0, UTIME_OMIT}, timespec{0, UTIME_OMIT}};
  const std::array<timespec, 2> bad{timespec{0, -5}, timespec{0, 0}};
  const std::array<timespec, 2> some{timespec{5, 0}, timespec{0, UTIME_NOW}};
  const auto utimens = [&](const char* path, const timespec* times) {
    return step.call(answer_times, SYS_utimensat, AT_FDCWD, path, times, 0);
  };
  EXPECT_EQ(utimens("/absent", omit.data()), 0);
  EXPECT_EQ(utimens("/f", bad.data()), -EINVAL);
  EXPECT_EQ(utimens("/vol", nullptr), -EROFS);
  step.become(kAlice);
  EXPECT_EQ(utimens("/f", nullptr), 0);
  EXPECT_EQ(utimens("/f", some.data()), -EPERM);
  step.become(0);
  EXPECT_EQ(chmod("/f", 0644), 0);
  step.become(kAlice);
  EXPECT_EQ(utimens("/f", nullptr), -EACCES);
#ifdef __x86_64__
  step.become(0);
  const utimbuf seconds{7, 8};
  EXPECT_EQ(step.call(answer_times, SYS_utime, "/f", &seconds), 0);
  EXPECT_EQ(step.status("/f").st_atim.tv_sec, 7);
  EXPECT_EQ(step.status("/f").st_mtim.tv_sec, 8);
#endif
}

TEST_F(Change, SymlinksHaveTheirOwnOwnersAndTimes) {
  step.make_file("/f");
  ASSERT_EQ(::symlink("f", step.real("/s").c_str()), 0);
  EXPECT_EQ(chown("/s", kAlice, kAlice, AT_SYMLINK_NOFOLLOW), 0);
  EXPECT_EQ(step.owned("/s").uid, kAlice);
  EXPECT_EQ(step.owned("/f").uid, 0u);
  const std::array<timespec, 2> times{timespec{1, 0}, timespec{2, 0}};
  EXPECT_EQ(
      step.call(answer_times, SYS_utimensat, AT_FDCWD, "/s", times.data(), AT_SYMLINK_NOFOLLOW), 0);
  EXPECT_EQ(step.status("/s").st_mtim.tv_sec, 2);
  EXPECT_NE(step.status("/f").st_mtim.tv_sec, 2);
}

TEST_F(Change, TruncateIsOfFilesAndDropsPrivileges) {
  step.make_file("/f", "content");
  step.make_directory("/d");
  ASSERT_EQ(::mkfifo(step.real("/fifo").c_str(), 0600), 0);
  EXPECT_EQ(truncate("/f", -1), -EINVAL);
  EXPECT_EQ(truncate("/d", 0), -EISDIR);
  EXPECT_EQ(truncate("/fifo", 0), -EINVAL);
  EXPECT_EQ(truncate("/f", 3), 0);
  EXPECT_EQ(step.content("/f"), "con");
  EXPECT_EQ(truncate("/frozen", 0), 0);
  EXPECT_EQ(step.content("/frozen"), "");
  expect_layer_untouched("frozen", "layer");

  step.give("/f", kAlice, 04755);
  EXPECT_EQ(truncate("/f", 2), 0);
  EXPECT_EQ(step.owned("/f").mode & 07777, 0755u);  // root of a user namespace does not keep it
  step.give("/f", kAlice, 04755);
  step.become(kAlice);
  EXPECT_EQ(truncate("/f", 1), 0);
  EXPECT_EQ(step.owned("/f").mode & 07777, 0755u);
  step.become(kBob);
  EXPECT_EQ(truncate("/f", 0), -EACCES);
}

TEST_F(Change, RemovalHasTheKernelsErrors) {
  step.make_directory("/d");
  step.make_file("/d/f");
  step.make_file("/f");
  const struct {
    const char* path;
    int flags;
    std::int64_t want;
  } rows[] = {
      {"/absent", 0, -ENOENT},
      {"/d", 0, -EISDIR},
      {"/d/", 0, -EISDIR},
      {"/f/", 0, -ENOTDIR},
      {"/f", AT_REMOVEDIR, -ENOTDIR},
      {"/d", AT_REMOVEDIR, -ENOTEMPTY},
      {"/", 0, -EISDIR},
      {"/d/..", 0, -EISDIR},
      {"/", AT_REMOVEDIR, -EBUSY},
      {"/d/.", AT_REMOVEDIR, -EINVAL},
      {"/d/..", AT_REMOVEDIR, -ENOTEMPTY},
      {"/absent/.", AT_REMOVEDIR, -ENOENT},
      {"/vol", AT_REMOVEDIR, -EBUSY},
      {"/vol/x", 0, -EROFS},
      {"/f", 1, -EINVAL},
      {"", 0, -ENOENT},
      {"/d/f", 0, 0},
      {"/d/", AT_REMOVEDIR, 0},
      {"/f", 0, 0},
      {"/frozen", 0, 0},
  };
  for (const auto& row : rows) EXPECT_EQ(unlink(row.path, row.flags), row.want) << row.path;
  EXPECT_FALSE(step.exists("/d"));
  EXPECT_FALSE(step.exists("/frozen"));
  expect_layer_untouched("frozen", "layer");
}

TEST_F(Change, OthersDirectoriesAndStickyOnesKeepTheirFiles) {
  step.make_directory("/closed");
  step.make_directory("/tmp");
  step.give("/tmp", 0, 01777);
  for (const char* path : {"/closed/f", "/tmp/his", "/tmp/hers"}) step.make_file(path);
  step.give("/tmp/his", kBob, 0666);
  step.give("/tmp/hers", kAlice, 0666);
  step.become(kAlice);
  EXPECT_EQ(unlink("/closed/f"), -EACCES);
  EXPECT_EQ(unlink("/closed/absent"), -ENOENT);
  EXPECT_EQ(unlink("/tmp/his"), -EPERM);
  EXPECT_EQ(rename("/tmp/his", "/tmp/x"), -EPERM);
  EXPECT_EQ(rename("/tmp/hers", "/tmp/his"), -EPERM);
  EXPECT_EQ(rename("/tmp/hers", "/closed/x"), -EACCES);
  EXPECT_EQ(link("/tmp/hers", "/closed/x"), -EACCES);
  EXPECT_EQ(link("/tmp/hers", "/closed/f"), -EEXIST);
  EXPECT_EQ(rename("/tmp/hers", "/tmp/hers2"), 0);
  EXPECT_EQ(unlink("/tmp/hers2"), 0);
}

TEST_F(Change, RenameHasTheKernelsErrors) {
  step.make_directory("/d");
  step.make_directory("/d/sub");
  step.make_directory("/e");
  step.make_file("/f", "f");
  step.make_file("/g", "g");
  ASSERT_EQ(::link(step.real("/f").c_str(), step.real("/same").c_str()), 0);
  const struct {
    const char *from, *to;
    unsigned flags;
    std::int64_t want;
  } rows[] = {
      {"/absent", "/x", 0, -ENOENT},
      {"/f", "/absent/x", 0, -ENOENT},
      {"/f", "/x", RENAME_WHITEOUT, -EINVAL},
      {"/f", "/x", RENAME_NOREPLACE | RENAME_EXCHANGE, -EINVAL},
      {"/f", "/g", RENAME_NOREPLACE, -EEXIST},
      {"/f", "/x", RENAME_EXCHANGE, -ENOENT},
      {"/f/", "/x", 0, -ENOTDIR},
      {"/f", "/x/", 0, -ENOTDIR},
      {"/f", "/d", 0, -EISDIR},
      {"/d", "/f", 0, -ENOTDIR},
      {"/d", "/d/sub/x", 0, -EINVAL},
      {"/e", "/d", 0, -ENOTEMPTY},
      {"/d/.", "/x", 0, -EBUSY},
      {"/f", "/", 0, -EBUSY},
      {"/vol", "/x", 0, -EBUSY},
      {"/f", "/vol/x", 0, -EXDEV},
      {"/lower", "/x", 0, -EXDEV},
      {"/d", "/lower", RENAME_EXCHANGE, -EXDEV},
      {"/f", "/same", 0, 0},
      {"/f", "/g", RENAME_EXCHANGE, 0},
      {"/d", "/x", 0, 0},
      {"/x/", "/d/", 0, 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(rename(row.from, row.to, row.flags), row.want) << row.from << " " << row.to;
  }
  EXPECT_TRUE(step.exists("/same"));
  EXPECT_EQ(step.content("/f"), "g");
  EXPECT_EQ(step.content("/g"), "f");
  EXPECT_TRUE(step.exists("/d/sub"));
}

TEST_F(Change, RenamedFilesOfALayerAreCopies) {
  const ino_t shared = step.status("/frozen").st_ino;
  EXPECT_EQ(rename("/frozen", "/new"), 0);
  EXPECT_FALSE(step.exists("/frozen"));
  EXPECT_NE(step.status("/new").st_ino, shared);
  EXPECT_EQ(step.content("/new"), "layer");
  EXPECT_EQ(rename("/new", "/other", RENAME_EXCHANGE), 0);
  EXPECT_EQ(step.content("/new"), "other");
  EXPECT_EQ(step.content("/other"), "layer");
  expect_layer_untouched("frozen", "layer");
  expect_layer_untouched("other", "other");
}

TEST_F(Change, LinkHasTheKernelsErrors) {
  step.make_directory("/d");
  step.make_file("/f", "f");
  step.make_file("/secret");
  step.give("/secret", 0, 0600);
  ASSERT_EQ(::symlink("f", step.real("/s").c_str()), 0);
  EXPECT_EQ(link("/absent", "/x"), -ENOENT);
  EXPECT_EQ(link("/f", "/d"), -EEXIST);
  EXPECT_EQ(link("/f", "/x/"), -ENOENT);
  EXPECT_EQ(link("/d", "/x"), -EPERM);
  EXPECT_EQ(link("/f", "/vol/x"), -EROFS);
  EXPECT_EQ(link("/vol", "/x"), -EXDEV);
  EXPECT_EQ(link("/f", "/x", 1), -EINVAL);
  EXPECT_EQ(link("/s", "/s2"), 0);
  EXPECT_TRUE(S_ISLNK(step.status("/s2").st_mode));
  EXPECT_EQ(link("/s", "/f2", AT_SYMLINK_FOLLOW), 0);
  EXPECT_EQ(step.status("/f2").st_ino, step.status("/f").st_ino);

  step.make_directory("/open");
  step.give("/open", 0, 0777);
  step.become(kAlice);
  EXPECT_EQ(link("/secret", "/open/x"), -EPERM);
}

TEST_F(Change, AFileWithoutANameGetsOne) {
  const os::UniqueFd fd(::open(step.real("/").c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0640));
  ASSERT_TRUE(fd.valid());
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  EXPECT_EQ(step.call(answer_link, SYS_linkat, fd.get(), "", AT_FDCWD, "/a", AT_EMPTY_PATH), 0);
  EXPECT_TRUE(step.exists("/a"));
  step.become(kAlice);
  EXPECT_EQ(step.call(answer_link, SYS_linkat, fd.get(), "", AT_FDCWD, "/b", AT_EMPTY_PATH),
            -ENOENT);
}

TEST_F(Change, AccessJudgesTheRealUserUnlessToldOtherwise) {
  step.make_file("/plain");
  step.make_file("/script");
  step.give("/script", 0, 0700);
  const struct {
    const char* path;
    int want;
    std::int64_t root, alice;
  } rows[] = {
      {"/plain", F_OK, 0, 0},
      {"/plain", R_OK, 0, 0},
      {"/plain", W_OK, 0, -EACCES},
      {"/plain", X_OK, -EACCES, -EACCES},
      {"/script", R_OK, 0, -EACCES},
      {"/script", X_OK, 0, -EACCES},
      {"/absent", F_OK, -ENOENT, -ENOENT},
      {"/vol", W_OK, -EROFS, -EROFS},
      {"/plain", 8, -EINVAL, -EINVAL},
      {"", F_OK, -ENOENT, -ENOENT},
  };
  for (const auto& row : rows) EXPECT_EQ(access(row.path, row.want), row.root) << row.path;
  step.become(kAlice);
  for (const auto& row : rows) EXPECT_EQ(access(row.path, row.want), row.alice) << row.path;

  emulate::Credentials setuid = emulate::credentials_of(0, 0, {});
  setuid.uid.real = kAlice;  // a setuid program of hers
  step.model->root.credentials.set(Step::tid(), setuid);
  EXPECT_EQ(access("/script", R_OK), -EACCES);
  EXPECT_EQ(access("/script", R_OK, AT_EACCESS), 0);
  EXPECT_EQ(access("/script", R_OK, 1), -EINVAL);
}

TEST_F(Change, StatfsTellsOfReadOnlyVolumes) {
  struct statfs root {
  }, volume{};
  EXPECT_EQ(step.call(answer_statfs, SYS_statfs, "/", &root), 0);
  EXPECT_EQ(step.call(answer_statfs, SYS_statfs, "/vol", &volume), 0);
  EXPECT_NE(root.f_blocks + root.f_files + root.f_bsize, 0u);
  EXPECT_NE(volume.f_flags & ST_RDONLY, 0);
  EXPECT_EQ(step.call(answer_statfs, SYS_statfs, "/absent", &root), -ENOENT);
  EXPECT_EQ(step.call(answer_statfs, SYS_statfs, "/", 8), -EFAULT);
}

TEST_F(Change, WatchesAreOnTheRealFile) {
  step.make_directory("/d");
  step.make_file("/secret");
  step.give("/secret", 0, 0600);
  ASSERT_EQ(::symlink("/d", step.real("/s").c_str()), 0);
  const os::UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  EXPECT_GT(step.call(answer_watch, SYS_inotify_add_watch, events.get(), "/s", IN_CREATE), 0);
  step.make_file("/d/new");
  alignas(inotify_event) char bytes[512];
  const ssize_t size = ::read(events.get(), bytes, sizeof bytes);
  ASSERT_GT(size, 0);
  EXPECT_STREQ(reinterpret_cast<const inotify_event*>(bytes)->name, "new");

  EXPECT_EQ(step.call(answer_watch, SYS_inotify_add_watch, events.get(), "/absent", IN_CREATE),
            -ENOENT);
  EXPECT_EQ(step.call(answer_watch, SYS_inotify_add_watch, events.get(), "/s",
                      IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW),
            -ENOTDIR);
  step.become(kAlice);
  EXPECT_EQ(step.call(answer_watch, SYS_inotify_add_watch, events.get(), "/secret", IN_MODIFY),
            -EACCES);
}

}  // namespace
}  // namespace lichen::bare
