#include "emulate/change.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "emulate/create.h"
#include "emulate/target.h"

namespace lichen::emulate {

namespace {

// Refuses, or lets the kernel do it.
Reply judge_file(const Task& task, const Model& model, const Credentials& credentials,
                 Change change, const Target& target) {
  const os::UniqueFd file = open_target(task, credentials, target);
  if (!file.valid() || !task.valid()) return Continue{};
  if (!target.descriptor) {
    const auto parent = find_parent(task, credentials, target.dirfd, target.path);
    if (parent && !may_search(task, model.files, credentials, parent->directory,
                              start_of(task, target.dirfd, target.path))) {
      return Errno{EACCES};
    }
  }
  const auto status = status_of(file);
  if (!status || !is_judged(*status)) return Continue{};
  const int refused = decide(change, credentials, owned(model.files, *status), {});
  return refused != 0 ? Reply{Errno{refused}} : Reply{Continue{}};
}

Reply judge_target(const Task& task, const Model& model, const Credentials& credentials,
                   Change change) {
  const auto target = target_of(task);
  return target ? judge_file(task, model, credentials, change, *target) : Reply{Continue{}};
}

// A group that one is not in cannot be lent: then the Supervisor changes the mode, without setgid.
Reply change_mode(const Task& task, const Model& model, const Credentials& credentials,
                  std::uint32_t mode) {
  if ((mode & S_ISGID) == 0 || credentials.capable(CAP_FSETID)) {
    return judge_target(task, model, credentials, Change::kMode);
  }
  const auto target = target_of(task);
  if (!target) return Continue{};
  Reply reply = judge_file(task, model, credentials, Change::kMode, *target);
  if (!std::holds_alternative<Continue>(reply)) return reply;
  const os::UniqueFd file = open_target(task, credentials, *target);
  const auto status = file.valid() ? status_of(file) : std::nullopt;
  if (!status || !is_judged(*status) || S_ISLNK(status->stx_mode) ||
      credentials.in_group(owned(model.files, *status).gid)) {
    return reply;
  }
  if (!task.valid()) return reply;
  const std::string path = "self/fd/" + std::to_string(file.get());
  const mode_t without = mode & 07777 & ~static_cast<std::uint32_t>(S_ISGID);
  if (::fchmodat(task.proc().get(), path.c_str(), without, 0) != 0) return Errno{errno};
  return Value{0};
}

// nullopt: allowed, or not for us to say.
std::optional<Errno> judge_entry(const Task& task, const Model& model,
                                 const Credentials& credentials, const Target& target,
                                 bool must_exist, bool other_directory) {
  const auto parent = find_parent(task, credentials, target.dirfd, target.path);
  if (!parent) return std::nullopt;
  const auto directory = status_of(parent->directory);
  if (!directory) return std::nullopt;
  if (!may_search(task, model.files, credentials, parent->directory,
                  start_of(task, target.dirfd, target.path))) {
    return Errno{EACCES};
  }
  const auto entry = status_of(parent->directory, parent->name);
  if (!entry && must_exist) return std::nullopt;  // ENOENT
  const Owned around = owned(model.files, *directory);
  int refused = 0;
  if (entry) {
    const Owned file = owned(model.files, *entry);
    refused = decide(Change::kRemove, credentials, file, around);
    // ".." of a directory that moves is written.
    if (refused == 0 && other_directory && S_ISDIR(file.mode) &&
        !permits(credentials, file, W_OK)) {
      refused = EACCES;
    }
  } else {
    refused = decide(Change::kInsert, credentials, {}, around);
  }
  if (refused != 0) return Errno{refused};
  return std::nullopt;
}

Reply judge_removal(const Task& task, const Model& model, const Credentials& credentials,
                    int dirfd_arg, int path_arg) {
  const auto target = read_target(task, dirfd_arg, path_arg);
  if (!target) return Continue{};
  const auto refused = judge_entry(task, model, credentials, *target, true, false);
  return refused ? Reply{*refused} : Reply{Continue{}};
}

Reply judge_rename(const Task& task, const Model& model, const Credentials& credentials, bool at) {
  const auto from = read_target(task, at ? 0 : kNoArg, at ? 1 : 0);
  const auto to = read_target(task, at ? 2 : kNoArg, at ? 3 : 1);
  if (!from || !to) return Continue{};
  const bool moves =
      from->dirfd != to->dirfd || split_last(from->path).parent != split_last(to->path).parent;
  if (const auto no = judge_entry(task, model, credentials, *from, true, moves)) return *no;
  if (const auto no = judge_entry(task, model, credentials, *to, false, false)) return *no;
  return Continue{};
}

Reply judge_link(const Task& task, const Model& model, const Credentials& credentials, bool at) {
  const auto to = read_target(task, at ? 2 : kNoArg, at ? 3 : 1);
  if (!to) return Continue{};
  const auto parent = find_parent(task, credentials, to->dirfd, to->path);
  if (!parent || status_of(parent->directory, parent->name)) return Continue{};  // EEXIST
  const auto record = owner_of_new(task, model, credentials, *parent, to->dirfd, to->path);
  return record ? Reply{Continue{}} : Reply{record.error()};
}

// utime, utimes, futimesat and utimensat each say "now" in another way.
Reply judge_times(const Task& task, const Model& model, const Credentials& credentials) {
  bool now = false;
  switch (task.nr()) {
    case SYS_utimensat: {
      std::array<timespec, 2> times{};
      now = task.arg(2) == 0;
      if (!now && !task.read(task.arg(2), times.data(), sizeof times)) return Continue{};
      if (!now && times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) {
        return Continue{};
      }
      now = now || (times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW);
      break;
    }
#ifdef __x86_64__
    case SYS_futimesat:
      now = task.arg(2) == 0;
      break;
#endif
    default:  // utime, utimes
      now = task.arg(1) == 0;
      break;
  }
  return judge_target(task, model, credentials, now ? Change::kTouch : Change::kTimes);
}

}  // namespace

int decide(Change change, const Credentials& credentials, const Owned& file,
           const Owned& directory) {
  switch (change) {
    case Change::kRemove:
      return may_remove(credentials, directory, file);
    case Change::kInsert:
      return permits(credentials, directory, W_OK | X_OK) ? 0 : EACCES;
    case Change::kMode:
    case Change::kTimes:
      return owns(credentials, file) ? 0 : EPERM;
    case Change::kTouch:
      return owns(credentials, file) || permits(credentials, file, W_OK) ? 0 : EACCES;
    case Change::kContent:
    case Change::kXattr:
      return permits(credentials, file, W_OK) ? 0 : EACCES;
  }
  return 0;
}

Reply answer_change(const Task& task, Model& model) {
  const auto credentials = model.credentials.of(task.tid());
  if (credentials->capable(CAP_DAC_OVERRIDE) && credentials->capable(CAP_FOWNER)) {
    return Continue{};
  }
  switch (task.nr()) {
    case SYS_unlinkat:
      return judge_removal(task, model, *credentials, 0, 1);
    case SYS_renameat:
    case SYS_renameat2:
      return judge_rename(task, model, *credentials, true);
    case SYS_linkat:
      return judge_link(task, model, *credentials, true);
    case SYS_utimensat:
      return judge_times(task, model, *credentials);
    case SYS_fchmod:
      return change_mode(task, model, *credentials, task.word_arg(1));
    case SYS_fchmodat:
    case kFchmodat2:
      return change_mode(task, model, *credentials, task.word_arg(2));
    case SYS_truncate:
      return judge_target(task, model, *credentials, Change::kContent);
    case SYS_setxattr:
    case SYS_lsetxattr:
    case SYS_fsetxattr:
    case SYS_removexattr:
    case SYS_lremovexattr:
    case SYS_fremovexattr:
      return judge_target(task, model, *credentials, Change::kXattr);
#ifdef __x86_64__
    case SYS_unlink:
    case SYS_rmdir:
      return judge_removal(task, model, *credentials, kNoArg, 0);
    case SYS_rename:
      return judge_rename(task, model, *credentials, false);
    case SYS_link:
      return judge_link(task, model, *credentials, false);
    case SYS_chmod:
      return change_mode(task, model, *credentials, task.word_arg(1));
    case SYS_utime:
    case SYS_utimes:
    case SYS_futimesat:
      return judge_times(task, model, *credentials);
#endif
    default:
      return Continue{};
  }
}

}  // namespace lichen::emulate
