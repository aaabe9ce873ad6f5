// chroot, unshare, setns, clone: from then on a process may mean another file by a path than the
// Supervisor does, or be another user than the Supervisor's namespace can name.
//
// What is noted here is "perhaps", for the call may fail afterwards. Who may have another root is
// looked up below /proc/TID/root, which is never wrong. Who may have another user namespace is
// asked about it at each of its calls.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <mutex>

#include "emulate/model.h"

namespace lichen::emulate {

namespace {

constexpr std::uint64_t kUserOrMounts = CLONE_NEWUSER | CLONE_NEWNS;

std::uint64_t namespaces_of(const Task& task) {
  switch (task.nr()) {
    case SYS_chroot:
      return CLONE_NEWNS;
    case SYS_setns:  // 0: whatever the descriptor is of
      return task.word_arg(1) == 0 ? kUserOrMounts : task.word_arg(1);
    default:
      return task.word_arg(0);
  }
}

}  // namespace

Reply answer_namespace(const Task& task, Model& model) {
  const std::uint64_t namespaces = namespaces_of(task);
  if ((namespaces & kUserOrMounts) == 0) return Continue{};
  const bool roots = (namespaces & CLONE_NEWNS) != 0, users = (namespaces & CLONE_NEWUSER) != 0;
  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  if (task.nr() == SYS_chroot && model.profile != Profile::kDevices &&
      !before->capable(CAP_SYS_CHROOT)) {
    return Errno{EPERM};
  }
  if (roots) model.any_own_root = true;
  if (users) model.any_own_users = true;
  Credentials now = *before;
  now.own_root = now.own_root || roots;
  now.own_users = now.own_users || users;
  if (now == *before) return Continue{};
  const bool noted = task.valid() && model.credentials.set(task.tid(), now);
  // At tier ids only a namespace's ids are looked up by what was noted.
  return noted || model.profile == Profile::kDevices ? Reply{Continue{}} : Reply{Errno{ENOMEM}};
}

bool Model::is_foreign(const Task& task) const {
  if (!any_own_users || !credentials.of(task.tid())->own_users) return false;
  struct stat ours {
  }, theirs{};
  return ::fstatat(task.proc().get(), "self/ns/user", &ours, 0) == 0 &&
         ::fstatat(task.proc().get(), task.in_proc("ns/user").c_str(), &theirs, 0) == 0 &&
         (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev);
}

}  // namespace lichen::emulate
