#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <utility>

#include "bare/model.h"
#include "emulate/family.h"

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

}  // namespace

Reply answer(const Call& call, Model& model) {
  using emulate::Family;
  switch (emulate::family_of(call.task.nr())) {
    case Family::kStat:
      return answer_stat(call, model);
    case Family::kOpen:
      return answer_open(call, model);
    case Family::kAccess:
      return answer_access(call, model);
    case Family::kReadlink:
      return answer_readlink(call, model);
    case Family::kExec:
      return answer_exec(call, model);
    case Family::kDirectory:
    case Family::kChroot:
      return answer_directory(call, model);
    case Family::kCreate:
    case Family::kMknod:
      return answer_create(call, model);
    case Family::kRemove:
      return answer_remove(call, model);
    case Family::kRename:
      return answer_rename(call, model);
    case Family::kLink:
      return answer_link(call, model);
    case Family::kChmod:
      return answer_mode(call, model);
    case Family::kChown:
      return answer_owner(call, model);
    case Family::kTimes:
      return answer_times(call, model);
    case Family::kTruncate:
      return answer_truncate(call, model);
    case Family::kStatfs:
      return answer_statfs(call, model);
    case Family::kXattr:
      return answer_xattr(call, model);
    case Family::kWatch:
      return answer_watch(call, model);
    case Family::kBind:
    case Family::kSocketOption:
    case Family::kSocket:
      return answer_socket(call, model);
    case Family::kGetId:
    case Family::kSetId:
    case Family::kSetGroups:
    case Family::kCapGet:
    case Family::kCapSet:
      return convert(*emulate::answer_identity(call.task, model.root));
    case Family::kPrctl:
      return answer_prctl(call, model);
    case Family::kRlimit:
      return answer_rlimit(call, model);
    case Family::kUname:
      return answer_uname(call, model);
    case Family::kNamespace:
    case Family::kOther:
      break;
  }
  return answer_signal(call, model);
}

}  // namespace lichen::bare
