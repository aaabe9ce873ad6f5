// Against the real kernel: devices, namespaces that a step makes, and signals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "emulate/live_testing.h"

namespace lichen::emulate {
namespace {

using testing::shell;
class LiveStep : public testing::Live {};

// What a placeholder of a device does when it is opened, in the order of kDeviceScript.
constexpr char kDeviceScript[] =
    "mkdir d; for n in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do set -- $n; "
    "mknod -m 666 d/$1 c 1 $2; done; mknod d/tty c 5 0; mknod d/tun c 10 200; mknod d/b b 7 0\n"
    "chmod 600 d/urandom; stat -c '%n %F %t:%T %a' d/*; test -c d/null && test -b d/b && echo yes\n"
    "echo lost > d/null; echo lost >> d/null; cat d/null; head -c 3 d/zero | od -An -tx1; "
    "echo x > d/full; test \"$(head -c 20 d/urandom | wc -c)\" = 20 && echo random\n"
    "cat d/tun; echo x > d/tun; (exec setsid sh -c 'echo x > d/tty')\n"
    "ln -s d/zero z; head -c 2 z | od -An -tx1; (cd d; head -c 1 zero | od -An -tx1)\n"
    "mv d/zero d/zero2; head -c 1 d/zero2 | od -An -tx1; rm d/zero2 d/null d/full; ls d\n";
constexpr char kDeviceAnswers[] =
    "d/b block special file 7:0 644\nd/full character special file 1:7 666\n"
    "d/null character special file 1:3 666\nd/random character special file 1:8 666\n"
    "d/tty character special file 5:0 644\nd/tun character special file a:c8 644\n"
    "d/urandom character special file 1:9 600\nd/zero character special file 1:5 666\nyes\n"
    " 00 00 00\nsh: 4: echo: echo: I/O error\nrandom\ncat: d/tun: Operation not permitted\n"
    "sh: 5: cannot create d/tun: Operation not permitted\n"
    "sh: 1: cannot create d/tty: No such device or address\n"
    " 00 00\n 00\n 00\nb\nrandom\ntty\ntun\nurandom\n";
constexpr char kDeviceRecords[] =
    "d/b 0:0 b 7:0\nd/random 0:0 c 1:8\nd/tty 0:0 c 5:0\nd/tun 0:0 c 10:200\n"
    "d/urandom 0:0 c 1:9\n";

TEST_F(LiveStep, DevicesOpenAsWhatTheyAre) {
  container_.needs.devices = true;
  RUN_OR_SKIP([] { return shell(kDeviceScript); });
  EXPECT_EQ(outcome_.seen, kDeviceAnswers);
  EXPECT_EQ(sidecar(), kDeviceRecords);
}

TEST_F(LiveStep, DevicesOpenAsWhatTheyAreAtTierIds) {
  container_.options.profile = Profile::kDevices;
  container_.needs.devices = true;
  RUN_OR_SKIP([] { return shell(kDeviceScript); });
  EXPECT_EQ(outcome_.seen, kDeviceAnswers);
  EXPECT_EQ(sidecar(), kDeviceRecords);
}

TEST_F(LiveStep, MapsMayHaveAnySize) {
  container_.options.profile = Profile::kDevices;
  container_.needs = {.map_size = 1, .devices = true};
  RUN_OR_SKIP([] {
    return shell(
        "touch f g; chown 5:7 f && stat -c %u:%g f; chgrp 8 f && stat -c %u:%g f; "
        "chown 0 f && stat -c %u:%g f; chown 9 g && chown 0:0 g && stat -c %u:%g g");
  });
  // With one id the mark is that id: what a later chown says is what the record said.
  EXPECT_EQ(outcome_.seen, "5:7\n5:8\n5:8\n9:0\n");
}

// A user namespace of the step's own: the kernel knows its ids, and we keep out.
TEST_F(LiveStep, NestedUserNamespacesAreTheKernels) {
  RUN_OR_SKIP([] {
    return shell(
        "touch f; chown 33:33 f; export P=$PWD\n"
        "unshare -Ur sh -c 'id -u; stat -c %u:%g $P/f; touch $P/n; cat /proc/self/uid_map' | "
        "tr -s ' '\n"
        "unshare -U sh -c 'id -u'\n"
        "unshare -Urm sh -c 'mkdir l t m; mount -t tmpfs t t; mkdir t/u t/w; echo low > l/f; "
        "mount -t overlay o m -o lowerdir=l,upperdir=t/u,workdir=t/w,userxattr && "
        "echo up > m/f && cat m/f && mount --bind t/u l && cat l/f'\n"
        "id -u; stat -c %u:%g f n; cat l/f; chown 3 n; stat -c %u n\n");
  });
  EXPECT_EQ(outcome_.seen, "0\n0:0\n 0 0 1\n65534\nup\nup\n0\n33:33\n0:0\nlow\n3\n");
}

// A mount namespace of its own: a path means what it means there.
TEST_F(LiveStep, MountNamespacesHaveTheirOwnPaths) {
  RUN_OR_SKIP([] {
    return shell(
        "mkdir a b; touch a/f b/f; chown 1 a/f; chown 2 b/f; stat -c %u $PWD/a/f\n"
        "unshare -m sh -c 'mount --bind b a && stat -c %u $PWD/a/f a/f && chown 3 $PWD/a/f'\n"
        "stat -c %u a/f b/f");
  });
  EXPECT_EQ(outcome_.seen, "1\n2\n2\n1\n3\n");
}

TEST_F(LiveStep, ChrootAtTierIds) {
  container_.options.profile = Profile::kDevices;
  container_.needs.devices = true;
  RUN_OR_SKIP([] {
    shell("mkdir -p r/dev");
    if (::chroot("r") != 0 || ::chdir("/") != 0) return std::string("chroot");
    struct stat status {};
    const int made = ::mknod("/dev/null", S_IFCHR | 0666, ::makedev(1, 3));
    const int seen = ::stat("/dev/null", &status);
    return std::to_string(made) + std::to_string(seen) + (S_ISCHR(status.st_mode) ? " c" : " -");
  });
  EXPECT_EQ(outcome_.seen, "00 c");
  EXPECT_EQ(sidecar(), "r/dev/null 0:0 c 1:3\n");
}

// Go's runtime: a signal every few microseconds, handlers with SA_RESTART.
std::string make_under_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  if (::setegid(33) != 0) return "setegid";  // so that the Supervisor makes the files
  const itimerval often{{0, 150}, {0, 150}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  int wrong = 0;
  for (int round = 0; round < 60; ++round) {
    const std::string name = "d" + std::to_string(round);
    if (::mkdir(name.c_str(), 0755) != 0) ++wrong;
    const os::UniqueFd file(
        ::open((name + "/f").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    if (!file.valid() || ::fchown(file.get(), 1, 1) != 0) ++wrong;
  }
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  return std::to_string(wrong);
}

TEST_F(LiveStep, SignalsRepeatNothing) {
  RUN_OR_SKIP(make_under_signals);
  EXPECT_EQ(outcome_.seen, "0");
}

TEST_F(LiveStep, SignalsRepeatNothingOnOldKernels) {
  container_.options.as_old_kernel = true;
  RUN_OR_SKIP(make_under_signals);
  EXPECT_EQ(outcome_.seen, "0");
}

}  // namespace
}  // namespace lichen::emulate
