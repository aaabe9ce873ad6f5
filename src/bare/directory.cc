// getcwd, chdir and chroot. A process's real current directory is the kernel's, so fork and fchdir
// need nothing; its root is a path that its credentials number.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "bare/model.h"
#include "bare/path.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxPath = 4096;  // with the NUL

Reply get_cwd(const Call& call, Model& model) {
  const Answer<File> here = model.tree.open(call, model, AT_FDCWD, "", Last::kFollow);
  if (!here) return Errno{ENOENT};
  const std::string real = model.tree.real_path(here->fd);
  if (real.empty()) return Errno{ENOENT};
  const auto seen = model.tree.seen_as(real);
  if (!seen) return Errno{ENOENT};
  std::string path = *seen;
  if (const auto who = model.who_looks(call)) {
    const auto rest = beneath(path, model.roots.path(who->root_number));
    path = !rest ? "(unreachable)" + path : rest->empty() ? "/" : std::string(*rest);
  }
  const std::size_t bytes = path.size() + 1;
  if (bytes > kMaxPath) return Errno{ENAMETOOLONG};
  if (bytes > call.task.arg(1)) return Errno{ERANGE};
  if (!call.task.write(call.task.arg(0), path.c_str(), bytes)) return Errno{EFAULT};
  return Value{static_cast<std::int64_t>(bytes)};
}

// A directory that the caller may make its own.
Answer<File> find_directory(const Call& call, Model& model) {
  const Answer<std::string> path = call.task.read_path(call.task.arg(0));
  if (!path) return tl::unexpected(path.error());
  if (path->empty()) return refuse(ENOENT);
  Answer<File> directory = model.tree.open(call, model, AT_FDCWD, *path, Last::kFollow);
  if (!directory) return directory;
  if (!S_ISDIR(directory->status.stx_mode)) return refuse(ENOTDIR);
  if (!permits(model, *model.credentials(call), *directory, X_OK)) return refuse(EACCES);
  return directory;
}

Reply change_directory(const Call& call, Model& model) {
  Answer<File> directory = find_directory(call, model);
  if (!directory) return directory.error();
  std::string path = model.tree.real_path(directory->fd);
  if (path.empty() && !directory->link.empty()) path = directory->link;
  std::function<std::int64_t(const emulate::Task&, std::int64_t)> after;
  if (path.empty() || path.size() >= kMaxPath) {
    // Through our descriptor, which lives until the caller has been there.
    const auto kept = std::make_shared<os::UniqueFd>(std::move(directory->fd));
    path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(kept->get());
    after = [kept](const emulate::Task&, std::int64_t result) { return result; };
  }
  path += '\0';
  return Rewrite{.nr = SYS_chdir,
                 .arguments = {},
                 .texts = {{.index = 0, .bytes = std::move(path)}},
                 .after = std::move(after)};
}

Reply change_root(const Call& call, Model& model) {
  const Answer<File> directory = find_directory(call, model);
  if (!directory) return directory.error();
  const std::lock_guard lock(model.root.credentials.change_mutex());
  emulate::Credentials credentials = *model.credentials(call);
  if (!credentials.capable(CAP_SYS_CHROOT)) return Errno{EPERM};
  const auto seen = model.tree.seen_as(model.tree.real_path(directory->fd));
  if (!seen) return Errno{ENOENT};
  const auto number = model.roots.intern(*seen == "/" ? std::string() : *seen);
  if (!number) return Errno{ENOMEM};
  credentials.root_number = *number;
  if (!model.root.credentials.set(call.task.tid(), credentials)) return Errno{ENOMEM};
  return Value{0};
}

}  // namespace

Reply answer_directory(const Call& call, Model& model) {
  switch (call.task.nr()) {
    case SYS_getcwd:
      return get_cwd(call, model);
    case SYS_chdir:
      return change_directory(call, model);
    case SYS_chroot:
      return change_root(call, model);
    default:
      return Errno{ENOSYS};
  }
}

}  // namespace lichen::bare
