#include "sandbox/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lichen::sandbox {
namespace {

TEST(Plan, IsPrintedInTheOrderItRuns) {
  Plan plan{
      .rootfs = "/store/mnt",
      .steps = {Bind{.source = "/a", .target = "/b", .read_only = true, .nodev = true},
                Bind{.source = "/c", .target = "/d", .recursive = false},
                Tmpfs{.target = "/t", .mode = 01777, .bytes = 4096, .noexec = true}, Proc{},
                Proc{.host = true}, Sysfs{}, Devpts{}, Devpts{.tty_group = true}, Mqueue{},
                Directory{.target = "/w", .mode = 0700}, Symlink{.target = "to", .link = "/from"},
                EmptyFile{"/e"}, Mask{"/m"}, ReadOnly{"/r"}},
      .argv = {"sh", "-c", "echo\n\"hi\""},
      .env = {"A=b c"},
      .cwd = "/w",
      .own_network = true,
      .terminal = true,
      .uid = 5,
      .gid = 6,
      .groups = {6, 7},
      .set_ids = true,
      .limits = {{.resource = 7, .soft = 1024, .hard = 2048}},
      .notify = {{.nr = 59},
                 {133, NotifyRule::Match::kMaskEquals, 1, 0xf000, 0x2000},
                 {92, NotifyRule::Match::kMaskAny, 1, 0xffff0000, 0},
                 {93, NotifyRule::Match::kAtLeast, 2, 0, 65536}}};
  EXPECT_EQ(to_text(plan), R"(root /store/mnt
bind /a to /b read-only nodev
bind /c to /d alone
tmpfs /t mode 1777 bytes 4096 noexec
proc /proc
proc /proc of the host
sysfs /sys
devpts /dev/pts
devpts /dev/pts group 5
mqueue /dev/mqueue
directory /w mode 0700
symlink /from to to
file /e
mask /m
read-only /r
hostname lichen
namespaces pid ipc uts cgroup net
cwd /w
terminal
user 5:6 6 7
limit 7 1024:2048
answer sync
notify 59
notify 133 if arg1 & 0xf000 == 0x2000
notify 92 if arg1 & 0xffff0000
notify 93 if arg2 >= 65536
env "A=b c"
exec "sh" "-c" "echo\x0a\"hi\""
)");
}

TEST(Plan, StandardMountsAreDockers) {
  Plan plan;
  add_standard_mounts(plan);
  std::string text;
  for (const Step& step : plan.steps) text += to_text(step) + "\n";
  EXPECT_EQ(text, R"(proc /proc
tmpfs /dev mode 0755 bytes 67108864
bind /dev/null to /dev/null
bind /dev/zero to /dev/zero
bind /dev/full to /dev/full
bind /dev/random to /dev/random
bind /dev/urandom to /dev/urandom
bind /dev/tty to /dev/tty
symlink /dev/fd to /proc/self/fd
symlink /dev/stdin to /proc/self/fd/0
symlink /dev/stdout to /proc/self/fd/1
symlink /dev/stderr to /proc/self/fd/2
symlink /dev/ptmx to pts/ptmx
devpts /dev/pts
tmpfs /dev/shm mode 1777 bytes 67108864 noexec
mqueue /dev/mqueue
bind /sys to /sys read-only nodev
mask /proc/acpi
mask /proc/asound
mask /proc/interrupts
mask /proc/kcore
mask /proc/keys
mask /proc/key-users
mask /proc/latency_stats
mask /proc/sched_debug
mask /proc/scsi
mask /proc/timer_list
mask /proc/timer_stats
read-only /proc/bus
read-only /proc/fs
read-only /proc/irq
read-only /proc/sys
read-only /proc/sysrq-trigger
mask /sys/firmware
mask /sys/fs/cgroup
mask /sys/devices/virtual/powercap
mask /sys/kernel/debug
mask /sys/kernel/security
mask /sys/kernel/tracing
)");
}

TEST(Plan, StandardMountsFollowNetworkAndMap) {
  Plan plan;
  plan.own_network = true;
  plan.set_ids = true;
  add_standard_mounts(plan);
  const auto has = [&](const std::string& text) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [&](const Step& step) { return to_text(step) == text; });
  };
  EXPECT_TRUE(has("sysfs /sys"));
  EXPECT_FALSE(has("bind /sys to /sys read-only nodev"));
  EXPECT_TRUE(has("devpts /dev/pts group 5"));
}

TEST(Plan, PrivilegedStepsSeeNoMasks) {
  Plan plan{.privileged = true};
  add_standard_mounts(plan);
  for (const Step& step : plan.steps)
    EXPECT_FALSE(std::holds_alternative<Mask>(step) || std::holds_alternative<ReadOnly>(step))
        << to_text(step);
  EXPECT_NE(to_text(plan).find("user 0:0 pretended with all capabilities\n"), std::string::npos);
}

}  // namespace
}  // namespace lichen::sandbox
