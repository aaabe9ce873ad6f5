#include "emulate/family.h"

#include <sys/syscall.h>

#include "emulate/calls.h"

namespace lichen::emulate {

Family family_of(int nr) {
  switch (nr) {
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_statx:
#ifdef __x86_64__
    case SYS_stat:
    case SYS_lstat:
#endif
      return Family::kStat;
    case SYS_openat:
    case SYS_openat2:
#ifdef __x86_64__
    case SYS_open:
    case SYS_creat:
#endif
      return Family::kOpen;
    case SYS_faccessat:
    case SYS_faccessat2:
#ifdef __x86_64__
    case SYS_access:
#endif
      return Family::kAccess;
    case SYS_readlinkat:
#ifdef __x86_64__
    case SYS_readlink:
#endif
      return Family::kReadlink;
    case SYS_execve:
    case SYS_execveat:
      return Family::kExec;
    case SYS_mkdirat:
    case SYS_symlinkat:
#ifdef __x86_64__
    case SYS_mkdir:
    case SYS_symlink:
#endif
      return Family::kCreate;
    case SYS_mknodat:
#ifdef __x86_64__
    case SYS_mknod:
#endif
      return Family::kMknod;
    case SYS_unlinkat:
#ifdef __x86_64__
    case SYS_unlink:
    case SYS_rmdir:
#endif
      return Family::kRemove;
    case SYS_renameat:
    case SYS_renameat2:
#ifdef __x86_64__
    case SYS_rename:
#endif
      return Family::kRename;
    case SYS_linkat:
#ifdef __x86_64__
    case SYS_link:
#endif
      return Family::kLink;
    case SYS_fchmod:
    case SYS_fchmodat:
    case kFchmodat2:
#ifdef __x86_64__
    case SYS_chmod:
#endif
      return Family::kChmod;
    case SYS_fchown:
    case SYS_fchownat:
#ifdef __x86_64__
    case SYS_chown:
    case SYS_lchown:
#endif
      return Family::kChown;
    case SYS_utimensat:
#ifdef __x86_64__
    case SYS_utime:
    case SYS_utimes:
    case SYS_futimesat:
#endif
      return Family::kTimes;
    case SYS_truncate:
      return Family::kTruncate;
    case SYS_getxattr:
    case SYS_lgetxattr:
    case SYS_fgetxattr:
    case SYS_setxattr:
    case SYS_lsetxattr:
    case SYS_fsetxattr:
    case SYS_listxattr:
    case SYS_llistxattr:
    case SYS_flistxattr:
    case SYS_removexattr:
    case SYS_lremovexattr:
    case SYS_fremovexattr:
      return Family::kXattr;
    case SYS_statfs:
      return Family::kStatfs;
    case SYS_inotify_add_watch:
      return Family::kWatch;
    case SYS_chdir:
    case SYS_getcwd:
      return Family::kDirectory;
    case SYS_chroot:
      return Family::kChroot;
    case SYS_unshare:
    case SYS_setns:
    case SYS_clone:
      return Family::kNamespace;
    case SYS_getuid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getegid:
    case SYS_getresuid:
    case SYS_getresgid:
    case SYS_getgroups:
      return Family::kGetId;
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setfsuid:
    case SYS_setfsgid:
      return Family::kSetId;
    case SYS_setgroups:
      return Family::kSetGroups;
    case SYS_capget:
      return Family::kCapGet;
    case SYS_capset:
      return Family::kCapSet;
    case SYS_prctl:
      return Family::kPrctl;
    case SYS_prlimit64:
    case SYS_setrlimit:
    case SYS_getrlimit:
      return Family::kRlimit;
    case SYS_uname:
      return Family::kUname;
    case SYS_bind:
      return Family::kBind;
    case SYS_getsockopt:
      return Family::kSocketOption;
    case SYS_connect:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_recvmsg:
    case SYS_recvfrom:
    case SYS_getsockname:
    case SYS_getpeername:
    case SYS_accept:
    case SYS_accept4:
      return Family::kSocket;
    default:
      return Family::kOther;
  }
}

}  // namespace lichen::emulate
