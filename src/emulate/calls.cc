#include "emulate/calls.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <iterator>

namespace lichen::emulate {

namespace {

using Match = NotifiedCall::Match;

constexpr std::uint32_t kIdBits = 0xffff0000;             // an id of 65536 or more, or -1
constexpr std::uint32_t kCreate = O_CREAT | 020'000'000;  // the second is O_TMPFILE's own bit
constexpr std::uint32_t kWrite = O_ACCMODE | O_TRUNC;

// PR_*, RLIMIT_* and SO_* are all compared whole.
constexpr NotifiedCall exactly(int nr, int arg, std::uint32_t value) {
  return {nr, Match::kMaskEquals, arg, 0xffffffff, value};
}

constexpr NotifiedCall kDevices[] = {
    {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFCHR},
    {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFBLK},
    {SYS_fchown, Match::kMaskAny, 1, kIdBits},
    {SYS_fchown, Match::kMaskAny, 2, kIdBits},
    {SYS_fchownat, Match::kMaskAny, 2, kIdBits},
    {SYS_fchownat, Match::kMaskAny, 3, kIdBits},
#ifdef __x86_64__
    {SYS_mknod, Match::kMaskEquals, 1, S_IFMT, S_IFCHR},
    {SYS_mknod, Match::kMaskEquals, 1, S_IFMT, S_IFBLK},
    {SYS_chown, Match::kMaskAny, 1, kIdBits},
    {SYS_chown, Match::kMaskAny, 2, kIdBits},
    {SYS_lchown, Match::kMaskAny, 1, kIdBits},
    {SYS_lchown, Match::kMaskAny, 2, kIdBits},
#endif
};

constexpr NotifiedCall kFull[] = {
    // The frequent ones first: the filter compares in this order.
    {SYS_newfstatat},
    {SYS_fstat},
    {SYS_statx},
#ifdef __x86_64__
    {SYS_stat},
    {SYS_lstat},
    {SYS_open, Match::kMaskAny, 1, kCreate},
    {SYS_creat},
#endif
    {SYS_openat, Match::kMaskAny, 2, kCreate},
    {SYS_openat2},
    {SYS_getuid},
    {SYS_geteuid},
    {SYS_getgid},
    {SYS_getegid},
    {SYS_getresuid},
    {SYS_getresgid},
    {SYS_getgroups},
    {SYS_execve},
    {SYS_execveat},
    {SYS_fchown},
    {SYS_fchownat},
    {SYS_mkdirat},
    {SYS_symlinkat},
    {SYS_mknodat},
#ifdef __x86_64__
    {SYS_chown},
    {SYS_lchown},
    {SYS_mkdir},
    {SYS_symlink},
    {SYS_mknod},
#endif
    {SYS_bind},
    {SYS_setuid},
    {SYS_setgid},
    {SYS_setreuid},
    {SYS_setregid},
    {SYS_setresuid},
    {SYS_setresgid},
    {SYS_setfsuid},
    {SYS_setfsgid},
    {SYS_setgroups},
    {SYS_capget},
    {SYS_capset},
    exactly(SYS_prctl, 0, PR_GET_KEEPCAPS),
    exactly(SYS_prctl, 0, PR_SET_KEEPCAPS),
    exactly(SYS_prctl, 0, PR_GET_SECUREBITS),
    exactly(SYS_prctl, 0, PR_SET_SECUREBITS),
    exactly(SYS_prctl, 0, PR_CAPBSET_READ),
    exactly(SYS_prctl, 0, PR_CAPBSET_DROP),
    exactly(SYS_prctl, 0, PR_CAP_AMBIENT),
    exactly(SYS_prlimit64, 1, RLIMIT_RTTIME),
    exactly(SYS_setrlimit, 0, RLIMIT_RTTIME),
    exactly(SYS_getrlimit, 0, RLIMIT_RTTIME),
    exactly(SYS_getsockopt, 2, SO_PEERCRED),
    exactly(SYS_getsockopt, 2, SO_PEERGROUPS),
    {SYS_chroot},
};

constexpr NotifiedCall kDac[] = {
    {SYS_faccessat},
    {SYS_faccessat2},
    {SYS_openat, Match::kMaskAny, 2, kWrite},
    {SYS_unlinkat},
    {SYS_renameat2},
    {SYS_renameat},
    {SYS_linkat},
    {SYS_fchmod},
    {SYS_fchmodat},
#ifdef SYS_fchmodat2
    {SYS_fchmodat2},
#else
    {452},
#endif
    {SYS_utimensat},
    {SYS_truncate},
    {SYS_setxattr},
    {SYS_lsetxattr},
    {SYS_fsetxattr},
    {SYS_removexattr},
    {SYS_lremovexattr},
    {SYS_fremovexattr},
#ifdef __x86_64__
    {SYS_access},
    {SYS_open, Match::kMaskAny, 1, kWrite},
    {SYS_unlink},
    {SYS_rmdir},
    {SYS_rename},
    {SYS_link},
    {SYS_chmod},
    {SYS_utime},
    {SYS_utimes},
    {SYS_futimesat},
#endif
};

template <std::size_t N>
void append(std::vector<NotifiedCall>& calls, const NotifiedCall (&table)[N]) {
  calls.insert(calls.end(), std::begin(table), std::end(table));
}

}  // namespace

std::vector<NotifiedCall> notified_calls(Profile profile) {
  std::vector<NotifiedCall> calls;
  if (profile == Profile::kDevices) {
    append(calls, kDevices);
    return calls;
  }
  append(calls, kFull);
  if (profile == Profile::kDac) append(calls, kDac);
  return calls;
}

}  // namespace lichen::emulate
