#include "bare/calls.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <iterator>

#include "base/result.h"
#include "emulate/calls.h"
#include "sandbox/filter.h"

namespace lichen::bare {

namespace {

using Match = StoppedCall::Match;

// Newer than the headers of Linux 6.1; the numbers are those of every machine.
constexpr long kStatmount = 457, kListmount = 458, kSetxattrat = 463, kRemovexattrat = 466,
               kOpenTreeAttr = 467, kFileGetattr = 468, kFileSetattr = 469, kQuotactlFd = 443,
               kMountSetattr = 442;

constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint32_t kFsIocSetflags = 0x40086602, kFsIocFssetxattr = 0x401c5820;

// Flags, commands and options that are compared whole.
constexpr StoppedCall exactly(long nr, Stop stop, int arg, std::uint32_t value, int error = 0) {
  return {nr, stop, error, Match::kMaskEquals, arg, 0xffffffff, value};
}
constexpr StoppedCall not_zero(long nr, Stop stop, int arg) {
  return {nr, stop, 0, Match::kNotZero, arg, 0, 0};
}
StoppedCall notify(const emulate::NotifiedCall& call) {
  if (call.match == emulate::NotifiedCall::Match::kAlways) return {call.nr};
  LICHEN_ASSERT(call.match == emulate::NotifiedCall::Match::kMaskEquals);
  return {call.nr, Stop::kNotify, 0, Match::kMaskEquals, call.arg, call.mask, call.value};
}
constexpr StoppedCall refused(long nr, int error) {
  return {nr, Stop::kErrno, error};
}

// The frequent ones first: the filter compares in this order.
constexpr StoppedCall kFiles[] = {
    // A descriptor that is only a path cannot be injected.
    {SYS_openat, Stop::kTrace, 0, Match::kMaskAny, 2, O_PATH},
    {SYS_openat},
    {SYS_newfstatat},
    {SYS_fstat},
    {SYS_statx},
#ifdef __x86_64__
    {SYS_open, Stop::kTrace, 0, Match::kMaskAny, 1, O_PATH},
    {SYS_open},
    {SYS_stat},
    {SYS_lstat},
    {SYS_access},
    {SYS_readlink},
    {SYS_creat},
    {SYS_mkdir},
    {SYS_mknod},
    {SYS_symlink},
    {SYS_unlink},
    {SYS_rmdir},
    {SYS_rename},
    {SYS_link},
    {SYS_chmod},
    {SYS_chown},
    {SYS_lchown},
    {SYS_utime},
    {SYS_utimes},
    {SYS_futimesat},
    {SYS_uselib, Stop::kErrno, ENOSYS},
#endif
    {SYS_faccessat},
    {SYS_faccessat2},
    {SYS_readlinkat},
    {SYS_execve, Stop::kTrace},
    {SYS_execveat, Stop::kTrace},
    {SYS_chdir, Stop::kTrace},
    {SYS_getcwd},
    {SYS_chroot},
    {SYS_mkdirat},
    {SYS_mknodat},
    {SYS_symlinkat},
    {SYS_unlinkat},
    {SYS_renameat},
    {SYS_renameat2},
    {SYS_linkat},
    {SYS_fchmod},
    {SYS_fchmodat},
    {emulate::kFchmodat2},
    {SYS_fchown},
    {SYS_fchownat},
    {SYS_utimensat},
    {SYS_truncate},
    {SYS_statfs},
    {SYS_getxattr},
    {SYS_lgetxattr},
    {SYS_fgetxattr},
    {SYS_setxattr},
    {SYS_lsetxattr},
    {SYS_fsetxattr},
    {SYS_listxattr},
    {SYS_llistxattr},
    {SYS_flistxattr},
    {SYS_removexattr},
    {SYS_lremovexattr},
    {SYS_fremovexattr},
    {SYS_inotify_add_watch, Stop::kTrace},
};

// Beside emulate::identity_calls().
constexpr StoppedCall kIdentity[] = {
    // It would close the process's memory and /proc directory to us.
    exactly(SYS_prctl, Stop::kErrno, 0, PR_SET_DUMPABLE),
    {SYS_uname},
    {SYS_sethostname, Stop::kErrno, 0},
    {SYS_setdomainname, Stop::kErrno, 0},
};

constexpr StoppedCall kSockets[] = {
    {SYS_connect, Stop::kTrace},
    {SYS_bind, Stop::kTrace},
    not_zero(SYS_sendto, Stop::kTrace, 4),
    {SYS_sendmsg, Stop::kTrace},
    {SYS_sendmmsg, Stop::kTrace},
    {SYS_recvmsg, Stop::kTrace},
    not_zero(SYS_recvfrom, Stop::kTrace, 4),
    not_zero(SYS_accept4, Stop::kTrace, 1),
    not_zero(SYS_accept, Stop::kTrace, 1),
    {SYS_getsockname, Stop::kTrace},
    {SYS_getpeername, Stop::kTrace},
    exactly(SYS_getsockopt, Stop::kTrace, 2, SO_PEERCRED),
    exactly(SYS_getsockopt, Stop::kTrace, 2, SO_PEERGROUPS),
};

// Those that reach other processes.
constexpr StoppedCall kProcesses[] = {
    {SYS_kill},
    {SYS_tkill},
    {SYS_tgkill},
    {SYS_rt_sigqueueinfo},
    {SYS_rt_tgsigqueueinfo},
    {SYS_pidfd_open},
    {SYS_process_vm_readv},
    {SYS_process_vm_writev},
    not_zero(SYS_prlimit64, Stop::kNotify, 0),
    not_zero(SYS_sched_setaffinity, Stop::kNotify, 0),
    not_zero(SYS_sched_setparam, Stop::kNotify, 0),
    not_zero(SYS_sched_setscheduler, Stop::kNotify, 0),
    not_zero(SYS_sched_setattr, Stop::kNotify, 0),
    {SYS_setpriority},
    {SYS_ioprio_set},
    not_zero(SYS_setpgid, Stop::kNotify, 0),
    not_zero(SYS_getpgid, Stop::kNotify, 0),
    not_zero(SYS_getsid, Stop::kNotify, 0),
    not_zero(SYS_migrate_pages, Stop::kNotify, 0),
    not_zero(SYS_move_pages, Stop::kNotify, 0),
    exactly(SYS_fcntl, Stop::kNotify, 1, F_SETOWN),
    exactly(SYS_fcntl, Stop::kNotify, 1, F_SETOWN_EX),
};

constexpr StoppedCall kRefused[] = {
    // What they are told lies in memory, or would not be judged by anybody; all have an older kin.
    refused(SYS_openat2, ENOSYS),
    refused(SYS_clone3, ENOSYS),
    refused(SYS_name_to_handle_at, ENOSYS),
    refused(SYS_landlock_create_ruleset, ENOSYS),  // its own rules would not know the real paths
    refused(SYS_open_tree, ENOSYS),
    refused(SYS_move_mount, ENOSYS),
    refused(SYS_fsopen, ENOSYS),
    refused(SYS_fsconfig, ENOSYS),
    refused(SYS_fsmount, ENOSYS),
    refused(SYS_fspick, ENOSYS),
    refused(kMountSetattr, ENOSYS),
    refused(kOpenTreeAttr, ENOSYS),
    refused(kStatmount, ENOSYS),
    refused(kListmount, ENOSYS),
    refused(kSetxattrat, ENOSYS),
    refused(kSetxattrat + 1, ENOSYS),  // getxattrat
    refused(kSetxattrat + 2, ENOSYS),  // listxattrat
    refused(kRemovexattrat, ENOSYS),
    refused(kFileGetattr, ENOSYS),
    refused(kFileSetattr, ENOSYS),
    refused(kQuotactlFd, ENOSYS),
    refused(SYS_mount, EPERM),
    refused(SYS_umount2, EPERM),
    refused(SYS_pivot_root, EPERM),
    refused(SYS_quotactl, EPERM),
    refused(SYS_fanotify_init, EPERM),
    refused(SYS_fanotify_mark, EPERM),
    refused(SYS_ptrace, EPERM),  // one tracer a process
    refused(SYS_kcmp, EPERM),
    refused(SYS_pidfd_getfd, EPERM),
    refused(SYS_setns, EPERM),
    refused(SYS_syslog, EPERM),
    {SYS_unshare, Stop::kErrno, EPERM, Match::kMaskAny, 0, kNewNamespaces},
    // A child that nobody traces would be answered nothing, and outlive the step.
    {SYS_clone, Stop::kErrno, EPERM, Match::kMaskAny, 0, kNewNamespaces | CLONE_UNTRACED},
    // They would change a file that is shared with a layer.
    // The audit log is for root of the first user namespace. As in a kernel without one: libaudit
    // then has nothing to say, where EPERM at the first message would be an error of sudo's.
    exactly(SYS_socket, Stop::kErrno, 2, NETLINK_AUDIT, EPROTONOSUPPORT),
    exactly(SYS_ioctl, Stop::kErrno, 1, kFsIocSetflags, EOPNOTSUPP),
    exactly(SYS_ioctl, Stop::kErrno, 1, kFsIocFssetxattr, EOPNOTSUPP),
};

// The store makes a step's tree durable when it commits it.
constexpr long kSync[] = {SYS_fsync, SYS_fdatasync, SYS_sync, SYS_syncfs, SYS_sync_file_range};

template <std::size_t N>
void append(std::vector<StoppedCall>& calls, const StoppedCall (&table)[N]) {
  calls.insert(calls.end(), std::begin(table), std::end(table));
}

}  // namespace

std::vector<StoppedCall> stopped_calls() {
  std::vector<StoppedCall> calls;
  append(calls, kFiles);
  for (const emulate::NotifiedCall& call : emulate::identity_calls()) calls.push_back(notify(call));
  append(calls, kIdentity);
  append(calls, kSockets);
  append(calls, kProcesses);
  append(calls, kRefused);
  for (const long nr : kSync) calls.push_back(refused(nr, 0));
  for (const sandbox::RefusedCall& call : sandbox::refused_calls())
    calls.push_back(refused(call.nr, call.error));
  for (const std::uint32_t request : sandbox::refused_ioctls())
    calls.push_back(exactly(SYS_ioctl, Stop::kErrno, 1, request, EPERM));
  return calls;
}

}  // namespace lichen::bare
