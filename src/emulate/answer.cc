#include <sys/syscall.h>

#include "emulate/copy_up.h"
#include "emulate/model.h"

namespace lichen::emulate {

namespace {

// What is not watched at tier ids, where the kernel knows who calls.
Reply answer_full(const Task& task, Model& model) {
  if (auto reply = answer_identity(task, model)) return std::move(*reply);
  switch (task.nr()) {
    case SYS_execve:
    case SYS_execveat:
      return answer_exec(task, model);
    case SYS_mkdirat:
    case SYS_symlinkat:
#ifdef __x86_64__
    case SYS_mkdir:
    case SYS_symlink:
#endif
      return answer_create(task, model);
    case SYS_bind:
      return answer_bind(task, model);
    case SYS_getsockopt:
      return answer_peer(task, model);
    case SYS_faccessat:
    case SYS_faccessat2:
#ifdef __x86_64__
    case SYS_access:
#endif
      return answer_access(task, model);
    default:
      return answer_change(task, model);
  }
}

}  // namespace

std::optional<Reply> answer_identity(const Task& task, Model& model) {
  switch (task.nr()) {
    case SYS_getuid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getegid:
    case SYS_getresuid:
    case SYS_getresgid:
    case SYS_getgroups:
      return answer_getid(task, model);
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setfsuid:
    case SYS_setfsgid:
      return answer_setid(task, model);
    case SYS_setgroups:
      return answer_setgroups(task, model);
    case SYS_capget:
      return answer_capget(task, model);
    case SYS_capset:
      return answer_capset(task, model);
    case SYS_prctl:
      return answer_prctl(task, model);
    default:
      return std::nullopt;
  }
}

Reply answer(const Task& task, Model& model) {
  if (task.nr() == SYS_prlimit64 || task.nr() == SYS_setrlimit || task.nr() == SYS_getrlimit) {
    return answer_rlimit(task);  // whoever asks
  }
  if (model.is_foreign(task)) return Continue{};
  if (model.files.any_fragile()) keep_record(task, model);
  switch (task.nr()) {
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_statx:
#ifdef __x86_64__
    case SYS_stat:
    case SYS_lstat:
#endif
      return answer_stat(task, model);
    case SYS_openat:
    case SYS_openat2:
#ifdef __x86_64__
    case SYS_open:
    case SYS_creat:
#endif
      return answer_open(task, model);
    case SYS_mknodat:
#ifdef __x86_64__
    case SYS_mknod:
#endif
      return answer_mknod(task, model);
    case SYS_fchown:
    case SYS_fchownat:
#ifdef __x86_64__
    case SYS_chown:
    case SYS_lchown:
#endif
      return answer_chown(task, model);
    case SYS_chroot:
    case SYS_unshare:
    case SYS_setns:
    case SYS_clone:
      return answer_namespace(task, model);
    default:
      return model.profile == Profile::kFull ? answer_full(task, model) : Reply{Continue{}};
  }
}

}  // namespace lichen::emulate
