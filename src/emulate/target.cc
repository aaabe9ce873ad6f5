#include "emulate/target.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "emulate/calls.h"

namespace lichen::emulate {

namespace {

// How a call spells what it changes.
struct Spelling {
  int nr;
  int dirfd = kNoArg;
  int path = kNoArg;   // kNoArg: dirfd is the file
  int flags = kNoArg;  // the argument with the flag `special`
  std::uint64_t special = 0;
  Last plain = Last::kFollow;  // without the flag
};

constexpr std::uint64_t kNoFollow = AT_SYMLINK_NOFOLLOW;

constexpr Spelling kSpellings[] = {
    {SYS_fchown, 0},
    {SYS_fchownat, 0, 1, 4, kNoFollow},
    {SYS_fchmod, 0},
    {SYS_fchmodat, 0, 1},
    {kFchmodat2, 0, 1, 3, kNoFollow},
    {SYS_utimensat, 0, 1, 3, kNoFollow},
    {SYS_truncate, kNoArg, 0},
    {SYS_setxattr, kNoArg, 0},
    {SYS_lsetxattr, kNoArg, 0, kNoArg, 0, Last::kKeep},
    {SYS_fsetxattr, 0},
    {SYS_removexattr, kNoArg, 0},
    {SYS_lremovexattr, kNoArg, 0, kNoArg, 0, Last::kKeep},
    {SYS_fremovexattr, 0},
    {SYS_linkat, 0, 1, 4, AT_SYMLINK_FOLLOW, Last::kKeep},
    {SYS_renameat, 0, 1, kNoArg, 0, Last::kKeep},
    {SYS_renameat2, 0, 1, kNoArg, 0, Last::kKeep},
    {SYS_openat, 0, 1, 2, O_NOFOLLOW},
    {SYS_openat2, 0, 1},
#ifdef __x86_64__
    {SYS_chown, kNoArg, 0},
    {SYS_lchown, kNoArg, 0, kNoArg, 0, Last::kKeep},
    {SYS_chmod, kNoArg, 0},
    {SYS_utime, kNoArg, 0},
    {SYS_utimes, kNoArg, 0},
    {SYS_futimesat, 0, 1},
    {SYS_link, kNoArg, 0, kNoArg, 0, Last::kKeep},
    {SYS_rename, kNoArg, 0, kNoArg, 0, Last::kKeep},
    {SYS_open, kNoArg, 0, 1, O_NOFOLLOW},
    {SYS_creat, kNoArg, 0},
#endif
};

Last last_of(const Task& task, const Spelling& spelling) {
  if (spelling.flags == kNoArg) return spelling.plain;
  const auto flags = task.arg(static_cast<std::size_t>(spelling.flags));
  if ((flags & spelling.special) == 0) return spelling.plain;
  return spelling.plain == Last::kFollow ? Last::kKeep : Last::kFollow;
}

}  // namespace

std::optional<Target> read_target(const Task& task, int dirfd_arg, int path_arg) {
  Target target;
  if (dirfd_arg != kNoArg) target.dirfd = task.int_arg(static_cast<std::size_t>(dirfd_arg));
  const auto address = path_arg == kNoArg ? 0 : task.arg(static_cast<std::size_t>(path_arg));
  if (path_arg == kNoArg || (dirfd_arg != kNoArg && address == 0)) {
    target.descriptor = true;
    return target;
  }
  Answer<std::string> path = task.read_path(address);
  if (!path) return std::nullopt;
  target.path = std::move(*path);
  target.descriptor = target.path.empty();
  return target;
}

std::optional<Target> target_of(const Task& task) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.nr != task.nr()) continue;
    auto target = read_target(task, spelling.dirfd, spelling.path);
    if (target) target->last = last_of(task, spelling);
    return target;
  }
  return std::nullopt;
}

os::UniqueFd open_target(const Task& task, const Credentials& credentials, const Target& target) {
  return open_path(task, credentials, target.dirfd, target.path,
                   target.descriptor ? Last::kFollow : target.last);
}

}  // namespace lichen::emulate
