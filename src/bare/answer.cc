#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <utility>

#include "bare/model.h"

namespace lichen::bare {

namespace {

Reply answer_prctl(const Call& call, Model& model) {
  emulate::Reply reply = emulate::answer_prctl(call.task, model.root);
  // At other tiers the kernel knows better. Here its answer is about our own user.
  const bool in_doubt = std::holds_alternative<Continue>(reply);
  if (in_doubt && call.task.int_arg(0) == PR_CAPBSET_READ)
    return Value{static_cast<std::int64_t>(*model.root.most >> (call.task.arg(1) & 63) & 1)};
  return convert(std::move(reply));
}

Reply answer_uname(const Call& call, const Model& model) {
  utsname names{};
  if (::uname(&names) != 0) return Errno{errno};
  const std::size_t length = model.hostname.copy(names.nodename, sizeof names.nodename - 1);
  std::fill(names.nodename + length, std::end(names.nodename), '\0');
  if (!call.task.write(call.task.arg(0), &names, sizeof names)) return Errno{EFAULT};
  return Value{0};
}

Reply answer_rlimit(const Call& call, Model& model) {
  if (call.task.nr() == SYS_prlimit64) {
    if (call.task.int_arg(1) != RLIMIT_RTTIME) return answer_signal(call, model);
    const pid_t process = call.task.int_arg(0);
    if (process != 0 && !model.processes.has(process)) return Errno{ESRCH};
  }
  return convert(emulate::answer_rlimit(call.task));
}

Reply answer_nameless(const Call& call, Model& model) {
  switch (call.task.nr()) {
    case SYS_prctl:
      return answer_prctl(call, model);
    case SYS_prlimit64:
    case SYS_setrlimit:
    case SYS_getrlimit:
      return answer_rlimit(call, model);
    case SYS_uname:
      return answer_uname(call, model);
    default:
      break;
  }
  if (auto reply = emulate::answer_identity(call.task, model.root)) {
    return convert(std::move(*reply));
  }
  return answer_signal(call, model);
}

}  // namespace

Reply answer(const Call& call, Model& model) {
  switch (call.task.nr()) {
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_statx:
#ifdef __x86_64__
    case SYS_stat:
    case SYS_lstat:
#endif
      return answer_stat(call, model);
    case SYS_openat:
#ifdef __x86_64__
    case SYS_open:
    case SYS_creat:
#endif
      return answer_open(call, model);
    case SYS_faccessat:
    case SYS_faccessat2:
#ifdef __x86_64__
    case SYS_access:
#endif
      return answer_access(call, model);
    case SYS_readlinkat:
#ifdef __x86_64__
    case SYS_readlink:
#endif
      return answer_readlink(call, model);
    case SYS_execve:
    case SYS_execveat:
      return answer_exec(call, model);
    case SYS_chdir:
    case SYS_getcwd:
    case SYS_chroot:
      return answer_directory(call, model);
    case SYS_mkdirat:
    case SYS_symlinkat:
    case SYS_mknodat:
#ifdef __x86_64__
    case SYS_mkdir:
    case SYS_symlink:
    case SYS_mknod:
#endif
      return answer_create(call, model);
    case SYS_unlinkat:
#ifdef __x86_64__
    case SYS_unlink:
    case SYS_rmdir:
#endif
      return answer_remove(call, model);
    case SYS_renameat:
    case SYS_renameat2:
#ifdef __x86_64__
    case SYS_rename:
#endif
      return answer_rename(call, model);
    case SYS_linkat:
#ifdef __x86_64__
    case SYS_link:
#endif
      return answer_link(call, model);
    case SYS_fchmod:
    case SYS_fchmodat:
    case emulate::kFchmodat2:
#ifdef __x86_64__
    case SYS_chmod:
#endif
      return answer_mode(call, model);
    case SYS_fchown:
    case SYS_fchownat:
#ifdef __x86_64__
    case SYS_chown:
    case SYS_lchown:
#endif
      return answer_owner(call, model);
    case SYS_utimensat:
#ifdef __x86_64__
    case SYS_utime:
    case SYS_utimes:
    case SYS_futimesat:
#endif
      return answer_times(call, model);
    case SYS_truncate:
      return answer_truncate(call, model);
    case SYS_statfs:
      return answer_statfs(call, model);
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
      return answer_xattr(call, model);
    case SYS_inotify_add_watch:
      return answer_watch(call, model);
    case SYS_bind:
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
    case SYS_getsockopt:
      return answer_socket(call, model);
    default:
      return answer_nameless(call, model);
  }
}

}  // namespace lichen::bare
