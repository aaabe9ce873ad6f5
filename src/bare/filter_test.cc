#include "bare/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

#include "sandbox/testing.h"

namespace lichen::bare {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64, kForeign = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64, kForeign = AUDIT_ARCH_ARM;
#endif
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kNotify = SECCOMP_RET_USER_NOTIF,
                        kTrace = SECCOMP_RET_TRACE;
constexpr std::uint32_t kMagic = 0x8badf00d;
constexpr std::uint32_t refused(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

std::uint32_t answer(const std::vector<sock_filter>& program, long nr,
                     std::initializer_list<std::uint64_t> args = {},
                     std::uint32_t architecture = kNative) {
  seccomp_data call{.nr = static_cast<int>(nr), .arch = architecture};
  std::size_t i = 0;
  for (const std::uint64_t arg : args) call.args[i++] = arg;
  return sandbox::testing::evaluate(program, call).value_or(0xbad);
}

TEST(Filter, StopsAllowsAndRefuses) {
  const struct {
    long nr;
    std::initializer_list<std::uint64_t> args;
    std::uint32_t want, want_traced;
  } rows[] = {
      {SYS_read, {}, kAllow, kAllow},
      {SYS_memfd_create, {}, kAllow, kAllow},
      {SYS_seccomp, {}, kAllow, kAllow},
      {SYS_fchdir, {}, kAllow, kAllow},
      {SYS_msync, {}, kAllow, kAllow},
      {SYS_newfstatat, {}, kNotify, kTrace},
      {SYS_openat, {0, 0, O_RDONLY}, kNotify, kTrace},
      {SYS_openat, {0, 0, O_PATH | O_CLOEXEC}, kTrace, kTrace},
      {SYS_openat, {0, 0, std::uint64_t{kMagic} << 32 | O_PATH}, kAllow, kAllow},
      {SYS_openat, {0, 0, std::uint64_t{kMagic + 1} << 32}, kNotify, kTrace},
      {SYS_openat, {0, std::uint64_t{kMagic} << 32, 0}, kNotify, kTrace},
      {SYS_openat2, {}, refused(ENOSYS), refused(ENOSYS)},
      {SYS_execve, {}, kTrace, kTrace},
      {SYS_getuid, {}, kNotify, kTrace},
      {SYS_fsync, {}, refused(0), refused(0)},
      {SYS_socket,
       {AF_NETLINK, SOCK_RAW, NETLINK_AUDIT},
       refused(EPROTONOSUPPORT),
       refused(EPROTONOSUPPORT)},
      {SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
      {SYS_bpf, {}, refused(EPERM), refused(EPERM)},
      {SYS_io_uring_setup, {}, refused(ENOSYS), refused(ENOSYS)},
      {SYS_name_to_handle_at, {}, refused(ENOSYS), refused(ENOSYS)},
      {SYS_mount, {}, refused(EPERM), refused(EPERM)},
      {SYS_ptrace, {}, refused(EPERM), refused(EPERM)},
      {SYS_unshare, {CLONE_NEWUSER | CLONE_NEWNS}, refused(EPERM), refused(EPERM)},
      {SYS_unshare, {CLONE_FS}, kAllow, kAllow},
      {SYS_clone, {CLONE_VM | CLONE_VFORK}, kAllow, kAllow},
      {SYS_clone, {CLONE_UNTRACED}, refused(EPERM), refused(EPERM)},
      {SYS_clone, {CLONE_NEWPID}, refused(EPERM), refused(EPERM)},
      {SYS_prctl, {PR_SET_DUMPABLE}, refused(0), refused(0)},
      {SYS_prctl, {PR_SET_NAME}, kAllow, kAllow},
      {SYS_prctl, {PR_SET_KEEPCAPS}, kNotify, kTrace},
      {SYS_prlimit64, {0, RLIMIT_NOFILE}, kAllow, kAllow},
      {SYS_prlimit64, {0, RLIMIT_RTTIME}, kNotify, kTrace},
      {SYS_prlimit64, {7, RLIMIT_NOFILE}, kNotify, kTrace},
      {SYS_sendto, {3, 4, 5, 0, 0, 0}, kAllow, kAllow},
      {SYS_sendto, {3, 4, 5, 0, 0x1000, 16}, kTrace, kTrace},
      {SYS_sendto, {3, 4, 5, 0, 0x100000000, 16}, kTrace, kTrace},  // an address is of 64 bits
      {SYS_getsockopt, {3, SOL_SOCKET, SO_PEERCRED}, kTrace, kTrace},
      {SYS_getsockopt, {3, SOL_SOCKET, SO_ERROR}, kAllow, kAllow},
      {SYS_fcntl, {3, F_SETOWN}, kNotify, kTrace},
      {SYS_fcntl, {3, F_SETFD}, kAllow, kAllow},
      {SYS_ioctl, {0, TIOCSTI}, refused(EPERM), refused(EPERM)},
      {SYS_ioctl, {0, TCGETS}, kAllow, kAllow},
      {SYS_kill, {}, kNotify, kTrace},
  };
  const auto program = make_filter(stopped_calls(), kMagic, false);
  const auto traced = make_filter(stopped_calls(), kMagic, true);
  for (const auto& row : rows) {
    EXPECT_EQ(answer(program, row.nr, row.args), row.want) << row.nr;
    EXPECT_EQ(answer(traced, row.nr, row.args), row.want_traced) << row.nr;
  }
}

TEST(Filter, ForeignArchitecturesHaveNoCalls) {
  const auto program = make_filter(stopped_calls(), kMagic, false);
  EXPECT_EQ(answer(program, SYS_read, {}, kForeign), refused(ENOSYS));
  EXPECT_EQ(answer(program, SYS_read | 0x40000000), refused(ENOSYS));  // x32
  EXPECT_EQ(answer(program, SYS_openat, {0, 0, std::uint64_t{kMagic} << 32}, kForeign),
            refused(ENOSYS));
}

TEST(Filter, FirstRuleCounts) {
  const auto program =
      make_filter({{SYS_ioctl, Stop::kErrno, EPERM, StoppedCall::Match::kMaskAny, 1, 4, 0},
                   {SYS_ioctl, Stop::kTrace},
                   {SYS_ioctl, Stop::kErrno, ENOSYS}},
                  kMagic, false);
  EXPECT_EQ(answer(program, SYS_ioctl, {0, 5}), refused(EPERM));
  EXPECT_EQ(answer(program, SYS_ioctl, {0, 3}), kTrace);
}

TEST(Filter, EveryCallGetsAnAnswer) {
  const auto program = make_filter(stopped_calls(), kMagic, false);
  for (int nr = -1; nr < 600; ++nr) EXPECT_NE(answer(program, nr), 0xbadu) << nr;
}

}  // namespace
}  // namespace lichen::bare
