// What a process is told about itself.
#include <sys/syscall.h>

#include "emulate/model.h"

namespace lichen::emulate {

namespace {

Reply write_ids(const Task& task, const Ids& ids) {
  const std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
  for (int index = 0; index < 3; ++index) {
    if (!task.write(task.arg(index), &values[index], sizeof values[index])) return Errno{EFAULT};
  }
  return Value{0};
}

Reply write_groups(const Task& task, const std::vector<std::uint32_t>& groups) {
  const int room = task.int_arg(0);
  if (room < 0) return Errno{EINVAL};
  if (room != 0) {
    if (static_cast<std::size_t>(room) < groups.size()) return Errno{EINVAL};
    const std::size_t bytes = groups.size() * sizeof(std::uint32_t);
    if (bytes != 0 && !task.write(task.arg(1), groups.data(), bytes)) return Errno{EFAULT};
  }
  return Value{static_cast<std::int64_t>(groups.size())};
}

}  // namespace

Reply answer_getid(const Task& task, Model& model) {
  const auto now = model.credentials.of(task.tid());
  switch (task.nr()) {
    case SYS_getuid:
      return Value{now->uid.real};
    case SYS_geteuid:
      return Value{now->uid.effective};
    case SYS_getgid:
      return Value{now->gid.real};
    case SYS_getegid:
      return Value{now->gid.effective};
    case SYS_getresuid:
      return write_ids(task, now->uid);
    case SYS_getresgid:
      return write_ids(task, now->gid);
    default:
      return write_groups(task, now->groups);
  }
}

}  // namespace lichen::emulate
