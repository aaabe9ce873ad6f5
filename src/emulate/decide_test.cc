// What files are, to whom they belong, and who may do what to them: the pure halves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "emulate/calls.h"
#include "emulate/change.h"
#include "emulate/chown.h"
#include "emulate/create.h"
#include "emulate/device.h"
#include "emulate/mknod.h"
#include "emulate/place.h"
#include "emulate/replay.h"

namespace lichen::emulate {
namespace {

constexpr std::uint32_t kNo = 0xffffffff;
const Credentials kRoot = credentials_of(0, 0, {});
const Credentials kUser = credentials_of(33, 33, {8, 44});

TEST(Permits, OwnerThenGroupThenOthers) {
  const Credentials no_override = [] {
    Credentials credentials = kRoot;
    credentials.caps.effective = capability(CAP_DAC_READ_SEARCH);
    return credentials;
  }();
  const struct {
    const char* name;
    Credentials who;
    Owned file;
    int want;
    bool yes;
  } rows[] = {
      {"owner", kUser, {33, 0, S_IFREG | 0600}, R_OK | W_OK, true},
      {"owner has fewer", kUser, {33, 33, S_IFREG | 0077}, R_OK, false},
      {"group", kUser, {0, 33, S_IFREG | 0060}, W_OK, true},
      {"supplementary", kUser, {0, 44, S_IFREG | 0060}, W_OK, true},
      {"group has fewer", kUser, {0, 44, S_IFREG | 0606}, R_OK, false},
      {"others", kUser, {0, 0, S_IFREG | 0004}, R_OK, true},
      {"others not", kUser, {0, 0, S_IFREG | 0774}, W_OK, false},
      {"nothing wanted", kUser, {0, 0, S_IFREG}, 0, true},
      {"root", kRoot, {33, 33, S_IFREG}, R_OK | W_OK, true},
      {"root runs nothing without x", kRoot, {33, 33, S_IFREG | 0666}, X_OK, false},
      {"root runs anybody's x", kRoot, {33, 33, S_IFREG | 0001}, X_OK, true},
      {"root searches", kRoot, {33, 33, S_IFDIR}, X_OK | W_OK, true},
      {"reader", no_override, {33, 33, S_IFREG}, R_OK, true},
      {"reader writes", no_override, {33, 33, S_IFREG}, W_OK, false},
      {"reader searches", no_override, {33, 33, S_IFDIR}, R_OK | X_OK, true},
      {"reader runs", no_override, {33, 33, S_IFREG | 0666}, X_OK, false},
  };
  for (const auto& row : rows) EXPECT_EQ(permits(row.who, row.file, row.want), row.yes) << row.name;
}

TEST(Permits, AccessAsksAsTheRealUser) {
  Credentials sudo = kUser;
  sudo.uid.effective = sudo.uid.fs = 0;
  sudo.caps.permitted = sudo.caps.effective = kAllCapabilities;
  const Owned secret{0, 0, S_IFREG | 0600};
  EXPECT_TRUE(permits(sudo, secret, R_OK));
  EXPECT_FALSE(permits(as_real(sudo), secret, R_OK));
  Credentials dropped = kRoot;
  dropped.uid.effective = dropped.uid.fs = 33;
  dropped.caps.effective = kNoCapabilities;
  EXPECT_FALSE(permits(dropped, secret, R_OK));
  EXPECT_TRUE(permits(as_real(dropped), secret, R_OK));
}

TEST(Chown, AnOwnerGivesOnlyHisGroups) {
  Credentials chowner = kUser;
  chowner.caps.effective = capability(CAP_CHOWN);
  const Owned mine{33, 33, S_IFREG | 0644}, theirs{0, 33, S_IFREG | 0644};
  const struct {
    const char* name;
    Credentials who;
    Owned file;
    Ownership wanted;
    Answer<Ownership> want;
  } rows[] = {
      {"root", kRoot, mine, {1, 2}, Ownership{1, 2}},
      {"root, uid only", kRoot, mine, {1, kNo}, Ownership{1, 33}},
      {"root, gid only", kRoot, mine, {kNo, 2}, Ownership{33, 2}},
      {"capability", chowner, theirs, {5, 5}, Ownership{5, 5}},
      {"owner to himself", kUser, mine, {33, kNo}, Ownership{33, 33}},
      {"owner to his group", kUser, mine, {kNo, 44}, Ownership{33, 44}},
      {"owner to another group", kUser, mine, {kNo, 5}, refuse(EPERM)},
      {"owner to another user", kUser, mine, {5, kNo}, refuse(EPERM)},
      {"owner keeps a foreign group", kUser, {33, 7, S_IFREG}, {kNo, 7}, Ownership{33, 7}},
      {"not the owner", kUser, theirs, {kNo, 33}, refuse(EPERM)},
      {"not the owner, to the same", kUser, theirs, {0, kNo}, refuse(EPERM)},
      {"nothing", kUser, theirs, {kNo, kNo}, Ownership{0, 33}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(decide(row.wanted, row.who, row.file), row.want) << row.name;
}

TEST(Chown, MarksWhatTheMapLacks) {
  const struct {
    std::uint32_t id, map_size, want;
  } rows[] = {{0, 65536, 0},          {65535, 65536, 65535},   {65536, 65536, 65534},
              {kNo, 65536, kNo},      {999, 1000, 999},        {1000, 1000, 999},
              {65536, 100000, 65536}, {100000, 100000, 65534}, {5, 0, 0}};
  for (const auto& row : rows) EXPECT_EQ(mapped(row.id, row.map_size), row.want) << row.id;
}

TEST(Chown, TheKernelsOwnerReplacesAMark) {
  struct statx status {};
  status.stx_uid = 65534;
  status.stx_gid = 5;
  EXPECT_EQ(at_ids({.uid = 70000, .gid = 70000}, status, 65536),
            (owners::Record{.uid = 70000, .gid = 5}));
  EXPECT_EQ(at_ids({.uid = 70000, .gid = 70000}, status, 1000),
            (owners::Record{.uid = 65534, .gid = 5}));
}

TEST(Chown, MapsAreAsLongAsTheyHaveNoGap) {
  const struct {
    const char *uids, *gids;
    std::uint32_t want;
  } rows[] = {
      {"         0       1000          1\n         1     100000      65536\n",
       "0 1000 1\n1 100000 65536\n", 65537},
      {"0 1000 1\n", "0 1000 1\n1 100000 65536\n", 1},
      {"1 100000 10\n0 1000 1\n", "0 0 20\n", 11},
      {"0 0 5\n7 7 5\n", "0 0 20\n", 5},
      {"0 0 4294967295\n", "0 0 4294967295\n", 4294967295},
      {"5 5 5\n", "0 0 20\n", 0},
      {"", "0 0 20\n", 0},
  };
  for (const auto& row : rows) EXPECT_EQ(map_size_of(row.uids, row.gids), row.want) << row.uids;
}

TEST(Creation, OwnerIsFsIdsOrTheSetgidDirectorys) {
  const auto of = [](const Credentials& who, const Owned& directory) {
    const auto record = decide_creation(who, directory);
    return record ? std::to_string(record->uid) + ":" + std::to_string(record->gid)
                  : "errno " + std::to_string(record.error().number);
  };
  EXPECT_EQ(of(kRoot, {0, 0, S_IFDIR | 0755}), "0:0");
  EXPECT_EQ(of(kRoot, {33, 50, S_IFDIR | 0700}), "0:0");
  EXPECT_EQ(of(kRoot, {0, 50, S_IFDIR | 02775}), "0:50");
  EXPECT_EQ(of(kUser, {0, 0, S_IFDIR | 01777}), "33:33");
  EXPECT_EQ(of(kUser, {0, 50, S_IFDIR | 03777}), "33:50");
  EXPECT_EQ(of(kUser, {33, 33, S_IFDIR | 0755}), "33:33");
  EXPECT_EQ(of(kUser, {0, 44, S_IFDIR | 0775}), "33:33");
  EXPECT_EQ(of(kUser, {0, 0, S_IFDIR | 0755}), "errno 13");
  EXPECT_EQ(of(kUser, {33, 33, S_IFDIR | 0600}), "errno 13");
}

TEST(Devices, NeedCapMknodAndAreNoWhiteouts) {
  const owners::Record owner{.uid = 1, .gid = 2};
  const auto device = decide_device(S_IFBLK | 0600, ::makedev(0xabc, 0x12345), true, owner);
  ASSERT_TRUE(device);
  EXPECT_EQ(*device, (owners::Record{1, 2, S_IFBLK, 0xabc, 0x12345}));
  EXPECT_EQ(decide_device(S_IFCHR, ::makedev(1, 3), false, owner), refuse(EPERM));
  EXPECT_EQ(decide_device(S_IFCHR, 0, true, owner), refuse(EPERM));
  EXPECT_TRUE(decide_device(S_IFBLK, 0, true, owner));
}

TEST(Change, IsJudgedByOwnersAndModes) {
  const Owned mine{33, 33, S_IFREG | 0400}, roots{0, 0, S_IFREG | 0644};
  const Owned open{0, 0, S_IFREG | 0666}, shut{0, 0, S_IFDIR | 0755};
  const Owned tmp{0, 0, S_IFDIR | 01777}, world{0, 0, S_IFDIR | 0777};
  const Owned my_sticky{33, 33, S_IFDIR | 01777};
  const struct {
    const char* name;
    Change change;
    Owned file, directory;
    int want;
  } rows[] = {
      {"remove from a closed one", Change::kRemove, mine, shut, EACCES},
      {"remove", Change::kRemove, roots, world, 0},
      {"remove mine from a sticky one", Change::kRemove, mine, tmp, 0},
      {"remove another's from a sticky one", Change::kRemove, roots, tmp, EPERM},
      {"remove another's from my sticky one", Change::kRemove, roots, my_sticky, 0},
      {"insert", Change::kInsert, {}, tmp, 0},
      {"insert in a closed one", Change::kInsert, {}, shut, EACCES},
      {"chmod mine", Change::kMode, mine, {}, 0},
      {"chmod another's", Change::kMode, open, {}, EPERM},
      {"times of mine", Change::kTimes, mine, {}, 0},
      {"times of another's", Change::kTimes, open, {}, EPERM},
      {"touch another's writable", Change::kTouch, open, {}, 0},
      {"touch another's", Change::kTouch, roots, {}, EACCES},
      {"touch mine that is read-only", Change::kTouch, mine, {}, 0},
      {"truncate", Change::kContent, open, {}, 0},
      {"truncate mine that is read-only", Change::kContent, mine, {}, EACCES},
      {"xattr", Change::kXattr, roots, {}, EACCES},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(decide(row.change, kUser, row.file, row.directory), row.want) << row.name;
    EXPECT_EQ(decide(row.change, kRoot, row.file, row.directory), 0) << row.name;
  }
}

TEST(Place, KnowsWhatMeansTheCaller) {
  const auto own = [](std::string_view path, Last last = Last::kFollow) {
    return callers_own(path, last).value_or("(same)");
  };
  EXPECT_EQ(own("/proc/self/fd/3"), "fd/3");
  EXPECT_EQ(own("/proc/thread-self/status"), "status");
  EXPECT_EQ(own("/proc/self"), "");
  EXPECT_EQ(own("/proc/self", Last::kKeep), "(same)");
  EXPECT_EQ(own("/proc/self//exe", Last::kKeep), "exe");
  EXPECT_EQ(own("/proc/selfish"), "(same)");
  EXPECT_EQ(own("/dev/fd/1"), "fd/1");
  EXPECT_EQ(own("/dev/fd"), "fd");
  EXPECT_EQ(own("/dev/fd", Last::kKeep), "(same)");
  EXPECT_EQ(own("/dev/stdout"), "fd/1");
  EXPECT_EQ(own("/dev/stdout", Last::kKeep), "(same)");
  EXPECT_EQ(own("/dev/stdout/x"), "(same)");
  EXPECT_EQ(own("/proc/1/fd/1"), "(same)");
  EXPECT_EQ(own("/etc/passwd"), "(same)");
}

TEST(Place, SplitsOffTheLastName) {
  const struct {
    const char *path, *parent, *name;
    bool slash;
  } rows[] = {
      {"a", ".", "a", false},      {"a/b", "a", "b", false}, {"/a", "/", "a", false},
      {"/a/b//", "/a", "b", true}, {"/", "/", "", false},    {"a/..", "a", "", false},
      {".", ".", "", false},       {"..", ".", "", false},   {"a//b", "a/", "b", false},
      {"...", ".", "...", false},  {"//a", "/", "a", false}, {"", ".", "", false},
  };
  for (const auto& row : rows) {
    const SplitPath split = split_last(row.path);
    EXPECT_EQ(split.name, row.name) << row.path;
    EXPECT_EQ(split.slash_at_end, row.slash) << row.path;
    EXPECT_EQ(split.parent, row.parent) << row.path;
  }
}

TEST(Task, ReadsItsStatus) {
  const TaskStatus status = parse_task_status(
      "Name:\tUmask:\t77\nUmask:\t0027\nTgid:\t12\nPid:\t13\nNStgid:\t12\t5\nNSpid:\t13\t6\n"
      "CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\n");
  EXPECT_EQ(status.umask, 027u);
  EXPECT_EQ(status.process, 12);
  EXPECT_EQ(status.innermost_process, 5);
  EXPECT_TRUE(status.no_new_privileges);
  EXPECT_EQ(status.effective, 0xa80425fbu);
  EXPECT_EQ(parse_task_status("").umask, 0u);
}

struct statx file(std::uint64_t inode, std::int64_t born) {
  struct statx status {};
  status.stx_dev_minor = 7;
  status.stx_ino = inode;
  status.stx_mode = S_IFREG | 0640;
  status.stx_size = 9;
  if (born != 0) status.stx_mask = STATX_BTIME;
  status.stx_btime.tv_sec = born;
  return status;
}

TEST(FileTable, KnowsFilesByInodeAndBirth) {
  const owners::Record www{.uid = 33, .gid = 33};
  FileTable files;
  EXPECT_TRUE(files.put(file(1, 100), www));
  EXPECT_EQ(files.find(file(1, 100)), www);
  EXPECT_EQ(files.find(file(1, 101)), std::nullopt);  // the number was reused
  EXPECT_EQ(files.find(file(2, 100)), std::nullopt);
  EXPECT_TRUE(files.put(file(1, 101), {}));
  EXPECT_EQ(files.size(), 0u);
}

TEST(FileTable, LowerFilesAreKnownAfterCopyUp) {
  const owners::Record www{.uid = 33, .gid = 33}, mail{.gid = 8};
  FileTable files;
  files.put_lower(file(1, 100), www);
  EXPECT_EQ(files.find(file(1, 200)), www);
  EXPECT_TRUE(files.put(file(1, 200), mail));
  EXPECT_EQ(files.find(file(1, 300)), mail);
  EXPECT_TRUE(files.put(file(1, 200), {}));
  EXPECT_EQ(files.find(file(1, 200)), std::nullopt);
}

TEST(FileTable, DressesStatus) {
  struct statx status = file(1, 1);
  dress(status, {.uid = 1, .gid = 2});
  EXPECT_EQ(status.stx_mode, S_IFREG | 0640);
  EXPECT_EQ(status.stx_size, 9u);
  dress(status, {.uid = 1, .gid = 2, .type = S_IFCHR, .dev_major = 5, .dev_minor = 1});
  EXPECT_EQ(status.stx_uid, 1u);
  EXPECT_EQ(status.stx_mode, S_IFCHR | 0640);
  EXPECT_EQ(status.stx_rdev_major, 5u);
  EXPECT_EQ(status.stx_size, 0u);
}

bool notifies(Profile profile, int nr, int arg, std::uint32_t value, const Needs& needs = {}) {
  const auto calls = notified_calls(profile, needs);
  return std::any_of(calls.begin(), calls.end(), [&](const NotifiedCall& call) {
    if (call.nr != nr) return false;
    if (call.match == NotifiedCall::Match::kAlways) return true;
    if (call.arg != arg) return false;
    if (call.match == NotifiedCall::Match::kAtLeast) return value >= call.value;
    return call.match == NotifiedCall::Match::kMaskEquals ? (value & call.mask) == call.value
                                                          : (value & call.mask) != 0;
  });
}

TEST(Calls, AreFilteredByArgument) {
  const struct {
    int nr, arg;
    std::uint32_t value;
    bool devices, full;
  } rows[] = {
      {SYS_openat, 2, O_RDONLY, false, false},
      {SYS_openat, 2, O_WRONLY, false, true},
      {SYS_openat, 2, O_RDONLY | O_TRUNC, false, true},
      {SYS_openat, 2, O_WRONLY | O_CREAT, false, true},
      {SYS_openat, 2, O_RDWR | O_TMPFILE, false, true},
      {SYS_openat, 2, O_RDONLY | O_DIRECTORY, false, false},
      {SYS_mknodat, 2, S_IFCHR | 0644, true, true},
      {SYS_mknodat, 2, S_IFBLK | 0644, true, true},
      {SYS_mknodat, 2, S_IFIFO | 0644, false, true},
      {SYS_fchownat, 2, 33, false, true},
      {SYS_fchownat, 2, 65536, true, true},
      {SYS_prctl, 0, PR_SET_KEEPCAPS, false, true},
      {SYS_prctl, 0, PR_SET_NAME, false, false},
      {SYS_prlimit64, 1, RLIMIT_RTTIME, false, true},
      {SYS_prlimit64, 1, RLIMIT_NOFILE, false, false},
      {SYS_unlinkat, 0, 0, false, true},
      {SYS_read, 0, 0, false, false},
      {SYS_unshare, 0, CLONE_NEWUSER, true, true},
      {SYS_unshare, 0, CLONE_FS, false, false},
      {SYS_clone, 0, CLONE_NEWNS | SIGCHLD, true, true},
      {SYS_clone, 0, SIGCHLD, false, false},
      {SYS_newfstatat, 0, 0, false, true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(notifies(Profile::kDevices, row.nr, row.arg, row.value), row.devices) << row.nr;
    EXPECT_EQ(notifies(Profile::kFull, row.nr, row.arg, row.value), row.full) << row.nr;
  }
}

TEST(Calls, FollowWhatTheStepNeeds) {
  const Needs small{.map_size = 1000}, large{.map_size = 100000}, devices{.devices = true};
  EXPECT_TRUE(notifies(Profile::kDevices, SYS_fchown, 1, 1000, small));
  EXPECT_FALSE(notifies(Profile::kDevices, SYS_fchown, 1, 999, small));
  EXPECT_FALSE(notifies(Profile::kDevices, SYS_fchownat, 3, 65536, large));
  EXPECT_TRUE(notifies(Profile::kDevices, SYS_fchownat, 3, 100000, large));
  EXPECT_FALSE(notifies(Profile::kFull, SYS_openat, 2, O_RDONLY));
  EXPECT_TRUE(notifies(Profile::kFull, SYS_openat, 2, O_RDONLY, {.reads = true}));
  EXPECT_FALSE(notifies(Profile::kDevices, SYS_openat, 2, O_RDONLY, {.reads = true}));
  for (const Profile profile : {Profile::kDevices, Profile::kFull}) {
    EXPECT_TRUE(notifies(profile, SYS_openat, 2, O_RDONLY, devices));
    EXPECT_TRUE(notifies(profile, SYS_fstat, 0, 0, devices));
    EXPECT_TRUE(notifies(profile, SYS_openat2, 0, 0, devices));
  }
}

TEST(Calls, DevicesAreShownWhereThereMayBeSome) {
  owners::Owners none, users, far, nodes, hidden;
  hidden.apply({{owners::Change::Kind::kSet, "dev/null", {.type = S_IFCHR, .dev_major = 1}}});
  users.apply({{owners::Change::Kind::kSet, "f", {.uid = 33}}});
  far.apply({{owners::Change::Kind::kSet, "f", {.gid = 65536}}});
  nodes.apply({{owners::Change::Kind::kSet, "n", {.type = S_IFBLK, .dev_major = 7}}});
  const std::vector<std::string> make{"/bin/sh", "-c", "mkdir d && mknod d/null c 1 3"};
  const std::vector<std::string> other{"/bin/sh", "-c", "apt-get update"};
  const auto shows = [](Profile profile, const owners::Owners& below,
                        const std::vector<std::string>& argv) {
    return shows_devices(profile, below, 65536, argv);
  };
  EXPECT_FALSE(shows(Profile::kDevices, none, other));
  EXPECT_FALSE(shows(Profile::kDevices, users, other));
  EXPECT_TRUE(shows(Profile::kDevices, far, other));
  EXPECT_FALSE(shows(Profile::kFull, far, other));  // its stat is always watched
  EXPECT_TRUE(shows(Profile::kDevices, nodes, other));
  EXPECT_FALSE(shows(Profile::kDevices, hidden, other));
  EXPECT_TRUE(shows(Profile::kFull, nodes, other));
  EXPECT_TRUE(shows(Profile::kDevices, none, make));
  EXPECT_TRUE(shows(Profile::kFull, none, make));
}

TEST(Calls, ReadsAreJudgedWhereAnotherUserIsLikely) {
  EXPECT_TRUE(becomes_users({"/bin/sh", "-c", "cd /;su www -c id"}));
  EXPECT_TRUE(becomes_users({"exec /usr/sbin/gosu postgres initdb"}));
  EXPECT_FALSE(becomes_users({"apt-get install -y sudo-rs surf; echo su_x sum su-", ""}));
}

TEST(Devices, OpenAsTheContainersNodes) {
  const auto character = [](std::uint32_t major, std::uint32_t minor) {
    return owners::Record{.type = S_IFCHR, .dev_major = major, .dev_minor = minor};
  };
  EXPECT_EQ(node_of(character(1, 3)), "/dev/null");
  EXPECT_EQ(node_of(character(1, 9)), "/dev/urandom");
  EXPECT_EQ(node_of(character(5, 0)), "/dev/tty");
  EXPECT_EQ(node_of(character(10, 200)), "");
  EXPECT_EQ(node_of({.type = S_IFBLK, .dev_major = 1, .dev_minor = 3}), "");
  EXPECT_EQ(decide_device_open(character(1, 3), O_RDWR | O_CREAT | O_TRUNC), 0);
  EXPECT_EQ(decide_device_open(character(1, 3), O_CREAT | O_EXCL), EEXIST);
  EXPECT_EQ(decide_device_open(character(1, 3), O_DIRECTORY), ENOTDIR);
  EXPECT_EQ(decide_device_open(character(10, 200), O_RDWR), EPERM);
}

TEST(Replays, AnswerTheSameCallOnceAndSoon) {
  using std::chrono::seconds;
  const os::UniqueFd no_proc;
  const auto call = [&](pid_t tid, int nr, std::uint64_t argument) {
    return Task(no_proc, tid, nr, {argument});
  };
  const auto value = [](const std::optional<Reply>& reply) {
    return reply && std::holds_alternative<Value>(*reply) ? std::get<Value>(*reply).value : -1;
  };
  const Replays::Clock::time_point start{};
  const Task mkdir = call(5, SYS_mkdirat, 1);
  Replays replays;
  EXPECT_EQ(value(replays.take(mkdir, start)), -1);
  replays.keep(mkdir, Value{7}, false, start);
  EXPECT_EQ(value(replays.take(call(6, SYS_mkdirat, 1), start)), -1);
  EXPECT_EQ(value(replays.take(mkdir, start + seconds(1))), 7);
  EXPECT_EQ(value(replays.take(mkdir, start)), -1);
  replays.keep(mkdir, Value{7}, false, start);
  EXPECT_EQ(value(replays.take(call(5, SYS_mkdirat, 2), start)), -1);  // so the first is over
  EXPECT_EQ(value(replays.take(mkdir, start)), -1);
  replays.keep(mkdir, Value{7}, false, start);
  EXPECT_EQ(value(replays.take(mkdir, start + seconds(9))), -1);
  replays.keep(mkdir, Continue{}, false, start);
  replays.keep(mkdir, Errno{EPERM}, false, start);
  EXPECT_EQ(value(replays.take(mkdir, start)), -1);
}

TEST(Replays, CorrectWhatStandsInItsOwnWay) {
  const os::UniqueFd no_proc;
  const Task mkdir(no_proc, 5, SYS_mkdirat, {1}), other(no_proc, 5, SYS_mkdirat, {2});
  const auto corrected = [](Replays& replays, const Task& task, Reply reply) {
    return std::holds_alternative<Value>(replays.correct(task, std::move(reply)));
  };
  const struct {
    const char* name;
    const Task& again;
    int error;
    bool want;
  } rows[] = {{"it exists", mkdir, EEXIST, true},
              {"in use", mkdir, EADDRINUSE, true},
              {"another reason", mkdir, EACCES, false},
              {"another call", other, EEXIST, false}};
  for (const auto& row : rows) {
    Replays replays;
    replays.keep(mkdir, Value{0}, true);
    EXPECT_FALSE(replays.take(mkdir)) << row.name;
    EXPECT_EQ(corrected(replays, row.again, Errno{row.error}), row.want) << row.name;
    EXPECT_FALSE(corrected(replays, mkdir, Errno{EEXIST})) << row.name;
  }
}

}  // namespace
}  // namespace lichen::emulate
