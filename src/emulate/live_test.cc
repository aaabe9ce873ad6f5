// The whole of it, against the real kernel: a container in a single-id user namespace runs programs
// and system calls, and sees what it would see with real ids.
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "emulate/live_testing.h"

namespace lichen::emulate {
namespace {

using owners::Change;
using owners::Record;
using testing::look;
using testing::Outcome;
using testing::shell;
using Kind = Change::Kind;

class Live : public testing::Live {};

TEST_F(Live, RootSeesItself) {
  RUN_OR_SKIP([] { return shell("id -u; id -g; id -G; touch f; stat -c %u:%g f"); });
  EXPECT_EQ(outcome_.seen, "0\n0\n0\n0:0\n");
  EXPECT_EQ(sidecar(), "");
}

TEST_F(Live, ChownIsSeenByEveryStat) {
  RUN_OR_SKIP([] {
    std::string seen = shell(
        "touch a && chown 33:34 a && ln -s a l && chown -h 7:8 l && mkdir d "
        "&& chown 5 d && chgrp 6 d");
    struct stat by_path {
    }, by_fd{}, by_link{};
    const os::UniqueFd fd(::open("a", O_RDONLY | O_CLOEXEC));
    ::stat("l", &by_path);
    ::fstat(fd.get(), &by_fd);
    ::lstat("l", &by_link);
    for (const struct stat* status : {&by_path, &by_fd, &by_link}) {
      seen += std::to_string(status->st_uid) + ":" + std::to_string(status->st_gid) + " " +
              std::to_string(S_ISLNK(status->st_mode)) + "\n";
    }
    return seen + look("d") +
           shell(
               "cp -a a b; stat -c %u:%g b; chown --from=33 9 b; "
               "stat -c %u:%g b; stat -L -c %u:%g /proc/self/fd/0 < a");
  });
  EXPECT_EQ(outcome_.seen, "33:34 0\n33:34 0\n7:8 1\n5:6 755 directory\n33:34\n9:34\n33:34\n");
  EXPECT_EQ(sidecar(), "a 33:34\nb 9:34\nd 5:6\nl 7:8\n");
}

TEST_F(Live, ChownClearsSetuidBits) {
  RUN_OR_SKIP([] { return shell("touch f; chmod 6755 f; chown 5:5 f; stat -c '%u:%g %a' f"); });
  EXPECT_EQ(outcome_.seen, "5:5 755\n");
}

// The dead file's owner must not come back with its inode number.
TEST_F(Live, ReusedInodeStartsAnew) {
  RUN_OR_SKIP([] {
    return shell(
        "for i in 1 2 3; do touch x; chown 200 x; rm x; touch y; "
        "stat -c %u y; rm y; done");
  });
  EXPECT_EQ(outcome_.seen, "0\n0\n0\n");
  EXPECT_EQ(sidecar(), "");
}

TEST_F(Live, ErrorsAreTheKernels) {
  RUN_OR_SKIP([] {
    std::string seen;
    const auto call = [&seen](long result) {
      seen += result < 0 ? std::string(::strerrorname_np(errno)) + " " : "ok ";
    };
    struct stat status {};
    call(::chown("absent", 1, 1));
    call(::chown("", 1, 1));
    call(::fchown(99, 1, 1));
    call(::syscall(SYS_chown, 8, 1, 1));
    call(::syscall(SYS_fchownat, AT_FDCWD, "x", 1, 1, 0x4000));
    call(::stat("absent", &status));
    call(::fstat(99, &status));
    call(::syscall(SYS_newfstatat, AT_FDCWD, 8, &status, 0));
    call(::mkdir("no/such", 0755));
    call(::mkdir("/", 0755));
    call(::setgroups(70000, nullptr));
    call(::syscall(SYS_setgroups, 4, 8));
    call(::syscall(SYS_getresuid, 8, 8, 8));
    call(::setuid(static_cast<uid_t>(-1)));
    call(::open("no/such", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ::chown((shell("touch f"), "f"), 1, 1);
    call(::syscall(SYS_stat, "f", 8));
    call(::chown(std::string(5000, 'x').c_str(), 1, 1));
    return seen;
  });
  EXPECT_EQ(outcome_.seen,
            "ENOENT ENOENT EBADF EFAULT EINVAL ENOENT EBADF EFAULT ENOENT EEXIST EINVAL EFAULT "
            "EFAULT EINVAL ENOENT EFAULT ENAMETOOLONG ");
}

TEST_F(Live, DevicesArePlaceholders) {
  RUN_OR_SKIP([] {
    return shell(
        "mknod n c 1 3; mknod -m 640 b b 7 200; stat -c '%F %t:%T %a %s' n b; mkfifo p; "
        "stat -c %F p; mknod n c 1 3; cp -a n copy; stat -c '%F %t:%T' copy; "
        "chown 4:5 b; stat -c '%u:%g %F' b");
  });
  EXPECT_EQ(outcome_.seen,
            "character special file 1:3 644 0\nblock special file 7:c8 640 0\nfifo\n"
            "mknod: n: File exists\ncharacter special file 1:3\n4:5 block special file\n");
  EXPECT_EQ(sidecar(), "b 4:5 b 7:200\ncopy 0:0 c 1:3\nn 0:0 c 1:3\n");
}

TEST_F(Live, FilesBelongToTheirMaker) {
  RUN_OR_SKIP([] {
    shell("mkdir -m 777 d; mkdir -m 2775 g; chown 0:50 g; chmod 2777 g");
    ::umask(027);
    const pid_t child = ::fork();
    if (child == 0) {
      const gid_t groups[] = {4, 8};
      if (::setgroups(2, groups) != 0 || ::setgid(33) != 0 || ::setuid(33) != 0) ::_exit(1);
      shell(
          "cd d; echo hi > f; mkdir sub; ln -s f l; mkfifo p; echo more >> f; cd ../g; touch x; "
          "mkdir y; ln -s dangling ../d/s; echo > ../d/s");
      const os::UniqueFd unnamed(::open("d", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
      ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(unnamed.get())).c_str(), AT_FDCWD,
               "d/t", AT_SYMLINK_FOLLOW);
      const os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "d/socket"};
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return shell(
        "stat -c '%n %u:%g %a' d/* g/*; cat d/f; stat -c %u /proc/1; touch g/root; "
        "stat -c %u:%g g/root");
  });
  EXPECT_EQ(outcome_.seen,
            "d/dangling 33:33 640\nd/f 33:33 640\nd/l 33:33 777\nd/p 33:33 640\n"
            "d/s 33:33 777\nd/socket 33:33 750\nd/sub 33:33 750\nd/t 33:33 600\n"
            "g/x 33:50 640\ng/y 33:50 2750\nhi\nmore\n0\n0:50\n");
  EXPECT_NE(sidecar().find("d/socket 33:33\n"), std::string::npos) << sidecar();
}

TEST_F(Live, DroppedUserIsHeldBack) {
  RUN_OR_SKIP([] {
    shell("mkdir etc; touch etc/passwd");
    std::string seen;
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) return std::string("pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setresgid(33, 33, 33) != 0 || ::setresuid(33, 33, 33) != 0) ::_exit(1);
      const auto call = [&seen](long result) {
        seen += result < 0 ? std::string(::strerrorname_np(errno)) + " " : "ok ";
      };
      call(::setuid(0));
      call(::setgroups(0, nullptr));
      call(::chown("etc/passwd", 33, 33));
      call(::open("etc/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
      call(::open("etc/passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
      call(::mkdir("etc/d", 0755));
      call(::mkdir("etc", 0755));
      call(::mknod("etc/n", S_IFCHR | 0644, ::makedev(1, 3)));
      call(::symlink("a", "etc/l"));
      static_cast<void>(os::write_all(os::UniqueFd(::dup(pipe[1])), seen));
      ::_exit(0);
    }
    ::close(pipe[1]);
    char buffer[512];
    const ssize_t bytes = ::read(pipe[0], buffer, sizeof buffer);
    int status = 0;
    ::waitpid(child, &status, 0);
    return std::string(buffer, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  });
  EXPECT_EQ(outcome_.seen, "EPERM EPERM EPERM EACCES EACCES EACCES EEXIST EACCES EACCES ");
}

TEST_F(Live, StepOfAnotherUser) {
  container_.options.uid = 33;
  container_.options.gid = 33;
  container_.options.groups = {8};
  container_.options.owners.apply(
      {{Kind::kSet, "mine", {.uid = 33, .gid = 33}}, {Kind::kSet, "group", {.uid = 0, .gid = 8}}});
  for (const char* name : {"mine", "group", "sticky", "closed", "root"}) {
    ASSERT_TRUE(os::mkdirs(container_.lower() + "/" + name));
  }
  ASSERT_TRUE(
      os::write_all(*os::open(container_.lower() + "/root/f", O_CREAT | O_WRONLY, 0644), "text"));
  ASSERT_TRUE(os::open(container_.lower() + "/sticky/f", O_CREAT | O_WRONLY, 0644));
  ASSERT_TRUE(os::open(container_.lower() + "/closed/f", O_CREAT | O_WRONLY, 0644));
  ::chmod((container_.lower() + "/group").c_str(), 0775);
  ::chmod((container_.lower() + "/sticky").c_str(), 01777);
  ::chmod((container_.lower() + "/closed").c_str(), 0700);
  ::chmod(container_.lower().c_str(), 0755);
  RUN_OR_SKIP([] {
    return shell(
        "id -u; id -G\n"
        "t() { if \"$@\" 2>/dev/null; then echo \"yes $*\"; else echo \"no $*\"; fi; }\n"
        "t touch mine/x; t touch group/x; t touch root/x; t touch sticky/x; t touch closed/x\n"
        "t rm -f sticky/f; t rm -f root/f; t mv root/f mine/f; t test -w root/f; t test -r root/f\n"
        "t test -w mine; t chmod 777 root/f; t chmod 700 mine/x; t ln root/f root/g\n"
        "t cp root/f mine/copy; t mv mine/copy group/copy; t rm group/copy; t test -e closed/f\n"
        "t truncate -s 0 root/f; t rmdir sticky; t sh -c 'echo >> root/f'\n"
        "t touch mine/x; t touch root/f\n");
  });
  EXPECT_EQ(outcome_.seen,
            "33\n33 8\n"
            "yes touch mine/x\nyes touch group/x\nno touch root/x\nyes touch sticky/x\n"
            "no touch closed/x\nno rm -f sticky/f\nno rm -f root/f\nno mv root/f mine/f\n"
            "no test -w root/f\nyes test -r root/f\nyes test -w mine\nno chmod 777 root/f\n"
            "yes chmod 700 mine/x\nno ln root/f root/g\nyes cp root/f mine/copy\n"
            "yes mv mine/copy group/copy\nyes rm group/copy\nyes test -e closed/f\n"
            "no truncate -s 0 root/f\nno rmdir sticky\nno sh -c echo >> root/f\n"
            "yes touch mine/x\nno touch root/f\n");
}

TEST_F(Live, OnlyMembersLendAGroup) {
  RUN_OR_SKIP([] {
    return shell(
        "mkdir -m 3777 w; chgrp 50 w; touch g; chown 33:8 g\n"
        "setpriv --reuid 33 --regid 33 --groups 8 sh -c '\n"
        "touch w/f; chmod 2755 w/f g; stat -c %a:%g w/f g; chmod 2755 /; echo $?' 2>/dev/null");
  });
  EXPECT_EQ(outcome_.seen, "755:50\n2755:8\n1\n");
}

// A step of root, in which a program becomes another user (su, setpriv).
TEST_F(Live, DroppedUserChangesNothingOfRoots) {
  RUN_OR_SKIP([] {
    return shell(
        "chmod 755 .; mkdir etc; mkdir -m 777 w; echo text > etc/f; chmod 600 etc/f\n"
        "setpriv --reuid 33 --regid 33 --clear-groups sh -c '\n"
        "t() { if \"$@\" 2>/dev/null; then echo \"yes $*\"; else echo \"no $*\"; fi; }\n"
        "t rm -f etc/f; t mv etc/f w/f; t chmod 666 etc/f; t truncate -s 0 etc/f; t touch etc/f\n"
        "t test -w etc/f; t ln etc/f etc/g; t touch w/mine; t rm w/mine; t rmdir w'\n"
        "cat etc/f; rm etc/f && echo removed");
  });
  EXPECT_EQ(outcome_.seen,
            "no rm -f etc/f\nno mv etc/f w/f\nno chmod 666 etc/f\nno truncate -s 0 etc/f\n"
            "no touch etc/f\nno test -w etc/f\nno ln etc/f etc/g\nyes touch w/mine\n"
            "yes rm w/mine\nno rmdir w\ntext\nremoved\n");
}

TEST_F(Live, SetuidProgramsGainTheirOwner) {
  RUN_OR_SKIP([] {
    shell(
        "cp \"$(command -v id)\" suid; chown 7:8 suid; chmod 6755 suid; cp suid root; "
        "chown 0:0 root; chmod 4755 root; printf '#!/bin/sh\\nid -u\\n' > script; "
        "chmod 4755 script; chown 9 script; chmod 4755 script; mkdir -m 777 w");
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(33) != 0 || ::setuid(33) != 0) ::_exit(1);
      shell("{ ./suid -u; ./suid -g; ./suid -ru; ./root -u; ./script; id -u; } > w/out 2>&1");
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return shell("cat w/out");
  });
  EXPECT_EQ(outcome_.seen, "7\n8\n33\n0\n33\n33\n");
}

// setpriv and su: KEEPCAPS, setresuid, capset, setresgid.
TEST_F(Live, CapabilitiesFollowTheModel) {
  RUN_OR_SKIP([] {
    std::string seen;
    const auto call = [&seen](long result) {
      seen +=
          result < 0 ? std::string(::strerrorname_np(errno)) + " " : std::to_string(result) + " ";
    };
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    const auto sets = [&] {
      ::syscall(SYS_capget, &header, data);
      seen += std::string(data[0].permitted != 0 ? "P" : "-") +
              (data[0].effective != 0 ? "E" : "-") + " ";
    };
    sets();
    call(::prctl(PR_SET_KEEPCAPS, 1));
    call(::prctl(PR_GET_KEEPCAPS));
    call(::setresuid(33, 33, 33));
    sets();
    call(::setresgid(34, 34, 34));
    data[0].effective = data[0].permitted = 1u << CAP_SETGID;
    data[1].effective = data[1].permitted = 0;
    call(::syscall(SYS_capset, &header, data));
    call(::setresgid(33, 33, 33));
    call(::prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
    data[0].effective = data[0].permitted = 1u << CAP_SETUID;
    call(::syscall(SYS_capset, &header, data));
    data[0].effective = data[0].permitted = 0;
    call(::syscall(SYS_capset, &header, data));
    sets();
    call(::setresgid(0, 0, 0));
    return seen;
  });
  EXPECT_EQ(outcome_.seen, "PE 0 1 0 P- EPERM 0 0 EPERM EPERM 0 -- EPERM ");
}

TEST_F(Live, TheTagIsNotSeenAndNotTouched) {
  RUN_OR_SKIP([] {
    if (::setegid(33) != 0) return std::string("setegid");
    rlimit limit{1, 1};
    std::string seen = std::to_string(::setrlimit(RLIMIT_RTTIME, &limit));
    ::getrlimit(RLIMIT_RTTIME, &limit);
    seen += limit.rlim_cur == RLIM_INFINITY && limit.rlim_max == RLIM_INFINITY ? " infinite" : "";
    return seen + " " + std::to_string(::getegid());
  });
  EXPECT_EQ(outcome_.seen, "0 infinite 33");
}

TEST_F(Live, PeersAreWhoTheyAre) {
  RUN_OR_SKIP([] {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return std::string();
    if (::setegid(44) != 0 || ::seteuid(33) != 0) return std::string("set");
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
      return std::string(::strerrorname_np(errno));
    }
    return std::to_string(peer.uid) + ":" + std::to_string(peer.gid) + " " +
           (peer.pid == ::getpid() ? "me" : std::to_string(peer.pid));
  });
  EXPECT_EQ(outcome_.seen, "33:44 me");
}

TEST_F(Live, ThreadsShareTheirProcessesIdentity) {
  RUN_OR_SKIP([] {
    std::atomic<int> wrong = 0;
    shell("touch f; chown 1:1 f");
    std::vector<std::thread> threads;
    for (int index = 0; index < 8; ++index) {
      threads.emplace_back([&wrong, index] {
        const std::string name = "t" + std::to_string(index);
        for (uid_t id = 1; id < 100; ++id) {
          const os::UniqueFd fd(::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
          struct stat status {};
          if (::fchown(fd.get(), id, id) != 0 || ::fstat(fd.get(), &status) != 0 ||
              status.st_uid != id || ::stat("f", &status) != 0 || status.st_uid != 1) {
            ++wrong;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (::setresuid(5, 5, 5) != 0) return std::string("setresuid");  // of all of the threads
    std::thread([&wrong] { wrong += ::getuid() != 5; }).join();
    return std::to_string(wrong);
  });
  EXPECT_EQ(outcome_.seen, "0");
}

TEST_F(Live, VforkedChildHasItsOwnIdentity) {
  RUN_OR_SKIP([] {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::_exit(::setuid(9) == 0 && ::syscall(SYS_getuid) == 9 ? 9 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return std::to_string(WEXITSTATUS(status)) + " " + std::to_string(::syscall(SYS_getuid));
  });
  EXPECT_EQ(outcome_.seen, "9 0");
}

// Calls whose threads are killed while they wait must not hold anything up.
TEST_F(Live, CallersMayDieAtAnyTime) {
  RUN_OR_SKIP([] {
    for (int round = 0; round < 12; ++round) {
      pid_t children[4];
      for (pid_t& child : children) {
        child = ::fork();
        if (child == 0) {
          struct stat status {};
          for (;;) {
            ::chown(".", 1, 1);
            ::stat(".", &status);
            const os::UniqueFd fd(::open("f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
          }
        }
      }
      ::usleep(500);
      for (const pid_t child : children) ::kill(child, SIGKILL);
      for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    }
    return std::to_string(::getuid());
  });
  EXPECT_EQ(outcome_.seen, "0");
}

TEST_F(Live, ChrootedPathsStartAtTheNewRoot) {
  RUN_OR_SKIP([] {
    shell("mkdir -p r/etc; touch r/etc/f; chown 3:3 r/etc/f; ln -s /etc/f r/l");
    if (::chroot("r") != 0 || ::chdir("/") != 0) return std::string("chroot");
    std::string seen;
    for (const char* path : {"/etc/f", "/l", "etc/f", "l", "/../etc/f"}) {
      struct stat status {};
      seen += ::stat(path, &status) == 0 ? std::to_string(status.st_uid) : "-";
    }
    ::chown("/l", 4, 4);
    struct stat status {};
    ::stat("/etc/f", &status);
    return seen + " " + std::to_string(status.st_uid);
  });
  EXPECT_EQ(outcome_.seen, "33333 4");
}

TEST_F(Live, RecordsFromBelowSurviveCopyUp) {
  const std::string lower = container_.lower();
  ASSERT_TRUE(os::mkdirs(lower + "/d/e"));
  for (const char* name : {"/f", "/g", "/d/e/h", "/gone", "/null"}) {
    ASSERT_TRUE(os::open(lower + name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  }
  ASSERT_EQ(::symlink("f", (lower + "/link").c_str()), 0);
  const Record www{.uid = 33, .gid = 33};
  container_.options.owners.apply(
      {{Kind::kSet, "f", www},
       {Kind::kSet, "g", www},
       {Kind::kSet, "d", www},
       {Kind::kSet, "d/e/h", www},
       {Kind::kSet, "gone", www},
       {Kind::kSet, "link", www},
       {Kind::kSet, "null", {.type = S_IFCHR, .dev_major = 1, .dev_minor = 3}},
       {Kind::kSet, "hidden/by/a/mount", www}});
  RUN_OR_SKIP([] {
    std::string seen = shell("stat -c %u:%g f g d d/e d/e/h link; stat -c %F null");
    return seen + shell(
                      "echo more >> f; chmod 600 g; mv d/e/h d/e/i; touch -h link; chown 0:0 g; "
                      "rm gone; chown 9 d; stat -c %u:%g f g d d/e d/e/i link; rm -r d; mkdir d; "
                      "stat -c %u:%g d");
  });
  EXPECT_EQ(outcome_.seen,
            "33:33\n33:33\n33:33\n0:0\n33:33\n33:33\ncharacter special file\n"
            "33:33\n0:0\n9:33\n0:0\n33:33\n33:33\n0:0\n");
  EXPECT_EQ(sidecar(), "d 0:0\ng 0:0\nremove gone\nopaque d\n");
}

TEST_F(Live, RecordsFromBelowSurviveTheBreakOfAHardLink) {
  const std::string lower = container_.lower();
  ASSERT_TRUE(os::open(lower + "/0", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  const Record www{.uid = 33, .gid = 33};
  container_.options.owners.apply({{Kind::kSet, "0", www}});
  for (const char* name : {"1", "2", "3", "4", "5", "6"}) {
    ASSERT_EQ(::link((lower + "/0").c_str(), (lower + "/" + name).c_str()), 0);
    container_.options.owners.apply({{Kind::kSet, name, www}});
  }
  RUN_OR_SKIP([] {
    return shell(
        "chmod 600 1; echo more >> 2; touch -d @0 3; mv 4 four; ln 5 five; rm 6; touch 6; "
        "stat -c %u:%g:%h 0 1 2 3 four five 5 6");
  });
  EXPECT_EQ(outcome_.seen,
            "33:33:7\n33:33:1\n33:33:1\n33:33:1\n33:33:1\n33:33:2\n33:33:2\n0:0:1\n");
  EXPECT_EQ(sidecar(), "remove 4\n6 0:0\nfive 33:33\nfour 33:33\n");
}

TEST_F(Live, StandardStreamsAreTheCallers) {
  RUN_OR_SKIP([] {
    return shell(
        "touch out; ln -s /dev/stdout log; chown 33:33 /dev/stdout > out; "
        "stat -c %u:%g out; chown 44:44 log > out; stat -c %u:%g out; "
        "chown 55:55 /proc/self/fd/1 > out; stat -c %u:%g out");
  });
  EXPECT_EQ(outcome_.seen, "33:33\n44:44\n55:55\n");
}

TEST_F(Live, FilesGiveCapabilities) {
  RUN_OR_SKIP([] {
    shell("cp \"$(command -v chown)\" give; touch f g; mkdir -m 777 w");
    const char cap_chown[] = "\1\0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0";  // and the NUL
    if (::setxattr("give", "security.capability", cap_chown, 20, 0) != 0) return std::string("set");
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(33) != 0 || ::setuid(33) != 0) ::_exit(1);
      shell("./give 5 f; chown 5 g; setpriv --no-new-privs ./give 6 f");
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return shell("stat -c %u f g");
  });
  EXPECT_EQ(outcome_.seen, "5\n0\n");
}

TEST_F(Live, TierIdsRecordsOnlyWhatTheKernelCannot) {
  container_.options.profile = Profile::kDevices;
  RUN_OR_SKIP([] {
    return shell(
        "mknod n c 1 3 && echo made; mknod n c 1 3; mkfifo p; touch f; chgrp 0 f; "
        "mknod w c 0 0; stat -c %F n");
  });
  EXPECT_EQ(outcome_.seen,
            "made\nmknod: n: File exists\nmknod: w: Operation not permitted\n"
            "regular empty file\n");
  EXPECT_EQ(sidecar(), "n 0:0 c 1:3\n");
}

}  // namespace
}  // namespace lichen::emulate
