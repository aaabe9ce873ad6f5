#include "sandbox/filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

#include "sandbox/testing.h"

namespace lichen::sandbox {
namespace {

using Match = NotifyRule::Match;

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64, kForeign = AUDIT_ARCH_ARM;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64, kForeign = AUDIT_ARCH_ARM;
#endif

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kNotify = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t refused(int os_errno) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(os_errno);
}

std::uint32_t answer(const std::vector<sock_filter>& program, int nr,
                     std::initializer_list<std::uint64_t> args = {},
                     std::uint32_t architecture = kNative) {
  seccomp_data call{.nr = nr, .arch = architecture};
  std::size_t i = 0;
  for (const std::uint64_t arg : args) call.args[i++] = arg;
  return testing::evaluate(program, call).value_or(0xbad);
}

TEST(Filter, AnswersRefusesAndAllows) {
  const auto program = make_filter({});
  const struct {
    int nr;
    std::uint32_t want;
  } rows[] = {
      {SYS_read, kAllow},
      {SYS_openat, kAllow},
      {SYS_openat2, kAllow},
      {SYS_msync, kAllow},
      {SYS_seccomp, kAllow},  // programs may confine themselves further
      {SYS_mknodat, kAllow},
      {SYS_fsync, refused(0)},
      {SYS_fdatasync, refused(0)},
      {SYS_sync, refused(0)},
      {SYS_syncfs, refused(0)},
      {SYS_sync_file_range, refused(0)},
      {SYS_io_uring_setup, refused(ENOSYS)},
      {SYS_io_uring_enter, refused(ENOSYS)},
      {SYS_io_uring_register, refused(ENOSYS)},
      {SYS_open_by_handle_at, refused(ENOSYS)},
      {SYS_keyctl, refused(ENOSYS)},
      {SYS_add_key, refused(ENOSYS)},
      {SYS_request_key, refused(ENOSYS)},
      {SYS_userfaultfd, refused(ENOSYS)},
      {SYS_kexec_load, refused(EPERM)},
      {SYS_init_module, refused(EPERM)},
      {SYS_finit_module, refused(EPERM)},
      {SYS_bpf, refused(EPERM)},
      {SYS_perf_event_open, refused(EPERM)},
  };
  for (const auto& row : rows) EXPECT_EQ(answer(program, row.nr), row.want) << row.nr;
}

TEST(Filter, LeavesSyncToTheKernelWhenAsked) {
  const auto program = make_filter({.answer_sync = false});
  EXPECT_EQ(answer(program, SYS_fsync), kAllow);
  EXPECT_EQ(answer(program, SYS_bpf), refused(EPERM));
}

TEST(Filter, ForeignArchitecturesHaveNoCalls) {
  const auto program = make_filter({.notify = {{.nr = SYS_openat}}});
  EXPECT_EQ(answer(program, SYS_read, {}, kForeign), refused(ENOSYS));
  EXPECT_EQ(answer(program, SYS_openat, {}, kForeign), refused(ENOSYS));
#if defined(__x86_64__)
  EXPECT_EQ(answer(program, SYS_read | 0x40000000), refused(ENOSYS));  // x32
  EXPECT_EQ(answer(program, SYS_fsync | 0x40000000), refused(ENOSYS));
#endif
}

#if defined(__x86_64__)
TEST(Filter, ThirtyTwoBitProgramsHaveTheSameRules) {
  const auto program = make_filter(
      {.notify = {{.nr = SYS_chown},
                  {.nr = SYS_getuid},
                  {.nr = SYS_truncate},
                  {.nr = SYS_openat, .match = NotifyRule::Match::kMaskAny, .arg = 2, .mask = 1},
                  {.nr = SYS_setrlimit,
                   .match = NotifyRule::Match::kMaskEquals,
                   .arg = 0,
                   .mask = UINT32_MAX,
                   .value = RLIMIT_RTTIME}}});
  const struct {
    int nr;
    std::initializer_list<std::uint64_t> args;
    std::uint32_t want;
  } rows[] = {
      {3, {}, kAllow},                          // read
      {212, {}, kNotify},                       // chown32
      {182, {}, refused(ENOSYS)},               // chown of 16-bit ids
      {199, {}, kNotify},                       // getuid32
      {24, {}, refused(ENOSYS)},                // getuid
      {92, {}, kNotify},                        // truncate
      {193, {}, kNotify},                       // truncate64
      {295, {0, 0, 1}, kNotify},                // openat
      {295, {0, 0, 2}, kAllow},                 //
      {75, {RLIMIT_RTTIME}, refused(0)},        // setrlimit
      {75, {RLIMIT_NOFILE}, kAllow},            //
      {191, {RLIMIT_RTTIME}, refused(EINVAL)},  // ugetrlimit
      {118, {}, refused(0)},                    // fsync
      {288, {}, refused(ENOSYS)},               // keyctl
      {54, {0, TIOCSTI}, refused(EPERM)},       // ioctl
      {54, {0, TCGETS}, kAllow},                //
      {437, {}, refused(ENOSYS)},               // openat2
      {113, {}, refused(EPERM)},                // vm86old
  };
  for (const auto& row : rows)
    EXPECT_EQ(answer(program, row.nr, row.args, AUDIT_ARCH_I386), row.want) << row.nr;
  EXPECT_EQ(answer(make_filter({}), 182, {}, AUDIT_ARCH_I386), kAllow) << "the kernel's ids";
}
#endif

TEST(Filter, TerminalInputCannotBeForged) {
  const auto program = make_filter({});
  EXPECT_EQ(answer(program, SYS_ioctl, {0, TIOCSTI}), refused(EPERM));
  // The kernel looks at the low half of the request only.
  EXPECT_EQ(answer(program, SYS_ioctl, {0, 0x100000000ull | TIOCSTI}), refused(EPERM));
  EXPECT_EQ(answer(program, SYS_ioctl, {0, TIOCLINUX}), refused(EPERM));
  EXPECT_EQ(answer(program, SYS_ioctl, {0, TCGETS}), kAllow);
  EXPECT_EQ(answer(program, SYS_ioctl, {TIOCSTI, TCGETS}), kAllow);
}

TEST(Filter, NotifiesByArgument) {
  const auto program =
      make_filter({.notify = {{.nr = SYS_execve},
                              {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFCHR},
                              {SYS_fchownat, Match::kMaskAny, 2, 0xffff0000, 0},
                              {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFBLK},
                              {SYS_fchownat, Match::kMaskAny, 3, 0xffff0000, 0},
                              {SYS_fchown, Match::kAtLeast, 1, 0, 70000},
                              {SYS_ioctl, Match::kMaskEquals, 1, UINT32_MAX, TCGETS}}});
  const struct {
    int nr;
    std::initializer_list<std::uint64_t> args;
    std::uint32_t want;
  } rows[] = {
      {SYS_execve, {}, kNotify},
      {SYS_execveat, {}, kAllow},
      {SYS_mknodat, {0, 0, S_IFCHR | 0644}, kNotify},
      {SYS_mknodat, {0, 0, S_IFBLK | 0600}, kNotify},
      {SYS_mknodat, {0, 0, S_IFIFO | 0600}, kAllow},
      {SYS_mknodat, {0, 0, 0644}, kAllow},
      {SYS_fchownat, {0, 0, 65535, 65535}, kAllow},
      {SYS_fchownat, {0, 0, 65536, 0}, kNotify},
      {SYS_fchownat, {0, 0, 0, 70000}, kNotify},
      {SYS_fchownat, {0, 0, 0xffff00000000ull, 0}, kAllow},  // the high half is not looked at
      {SYS_fchown, {0, 69999, 0}, kAllow},
      {SYS_fchown, {0, 70000, 0}, kNotify},
      {SYS_fchown, {0, 0xffffffff, 0}, kNotify},
      {SYS_fchown, {0, 0x100000000ull, 70000}, kAllow},
      {SYS_ioctl, {0, TCGETS}, kNotify},
      {SYS_ioctl, {0, TIOCSTI}, refused(EPERM)},  // a refusal goes before a rule
      {SYS_read, {}, kAllow},
  };
  for (const auto& row : rows) EXPECT_EQ(answer(program, row.nr, row.args), row.want) << row.nr;
}

TEST(Filter, RefusedCallsCannotBeNotified) {
  const auto program = make_filter({.notify = {{.nr = SYS_bpf}, {.nr = SYS_fsync}}});
  EXPECT_EQ(answer(program, SYS_bpf), refused(EPERM));
  EXPECT_EQ(answer(program, SYS_fsync), refused(0));
}

TEST(Filter, SendsOpenat2BackToWatchedOpenat) {
  EXPECT_EQ(answer(make_filter({.notify = {{.nr = SYS_openat}}}), SYS_openat2), refused(ENOSYS));
  EXPECT_EQ(answer(make_filter({.notify = {{.nr = SYS_mknodat}}}), SYS_openat2), kAllow);
  EXPECT_EQ(answer(make_filter({.notify = {{.nr = SYS_openat}, {.nr = SYS_openat2}}}), SYS_openat2),
            kNotify);
}

TEST(Filter, SendsClone3BackToWatchedClone) {
  const NotifyRule clone{SYS_clone, Match::kMaskAny, 0, CLONE_NEWUSER, 0};
  EXPECT_EQ(answer(make_filter({.notify = {clone}}), SYS_clone3), refused(ENOSYS));
  EXPECT_EQ(answer(make_filter({}), SYS_clone3), kAllow);
  EXPECT_EQ(answer(make_filter({.notify = {clone, {.nr = SYS_clone3}}}), SYS_clone3), kNotify);
}

TEST(Filter, EveryCallGetsAnAnswer) {
  FilterSpec spec;
  for (int nr = 0; nr < 460; nr += 2)
    spec.notify.push_back({nr, Match::kMaskEquals, nr % 6, 0xff, 0x17});
  const auto program = make_filter(spec);
  EXPECT_LE(program.size(), static_cast<std::size_t>(BPF_MAXINSNS));
  for (int nr = -1; nr < 500; ++nr) {
    EXPECT_NE(answer(program, nr), 0xbadu) << nr;
    EXPECT_NE(answer(program, nr, {0x17, 0x17, 0x17, 0x17, 0x17, 0x17}), 0xbadu) << nr;
  }
}

TEST(Filter, IsPrintedOneInstructionALine) {
  const std::vector<sock_filter> program = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 4},      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0xc000003e},
      {BPF_RET | BPF_K, 0, 0, refused(ENOSYS)}, {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
      {BPF_JMP | BPF_JSET | BPF_K, 0, 1, 8},    {BPF_RET | BPF_K, 0, 0, kNotify},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 32},     {BPF_ALU | BPF_AND | BPF_K, 0, 0, S_IFMT},
      {BPF_RET | BPF_K, 0, 0, kAllow},
  };
  EXPECT_EQ(to_text(program),
            "0 load arch\n1 jeq 0xc000003e +1 +0\n2 ret errno 38\n3 load nr\n4 jset 0x8 +0 +1\n"
            "5 ret notify\n6 load arg2\n7 and 0xf000\n8 ret allow\n");
}

}  // namespace
}  // namespace lichen::sandbox
