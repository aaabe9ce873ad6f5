// inotify_add_watch(2): the caller's own descriptor is told the file's real path.
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/subject.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxPath = 4095;

}  // namespace

Reply answer_watch(const Call& call, Model& model) {
  if (!call.traced) return Errno{ENOSYS};
  std::uint32_t mask = call.task.word_arg(2);
  const int flags = (mask & IN_DONT_FOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
  const Answer<Subject> subject = named(call.task, AT_FDCWD, call.task.arg(1), flags);
  if (!subject) return subject.error();
  const Answer<File> file = find(call, model, *subject);
  if (!file) return file.error();
  if ((mask & IN_ONLYDIR) != 0 && !S_ISDIR(file->status.stx_mode)) return Errno{ENOTDIR};
  if (!permits(model, *model.credentials(call), *file, R_OK)) return Errno{EACCES};
  const std::string path = model.tree.real_path(file->fd);
  if (path.empty()) return Errno{ENOENT};  // its name is gone, or never was
  if (path.size() > kMaxPath) return Errno{ENAMETOOLONG};

  Rewrite rewrite{.nr = SYS_inotify_add_watch};
  mask |= IN_DONT_FOLLOW;
  rewrite.arguments = {call.task.arg(0), 0, mask};
  rewrite.texts.push_back({.index = 1, .bytes = path + '\0'});
  return rewrite;
}

}  // namespace lichen::bare
