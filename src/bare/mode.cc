// chmod(2) and its kin: the mode is recorded, the real one stays such that we can use the file.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr std::uint32_t kModeBits = 07777;

struct ModeRequest {
  Subject subject;
  std::uint32_t mode = 0;
};

Answer<ModeRequest> decode(const emulate::Task& task) {
  int dirfd = AT_FDCWD, flags = 0;
  std::size_t path_arg = 1;
  switch (task.nr()) {
    case SYS_fchmod:
      return ModeRequest{held(task.int_arg(0)), task.word_arg(1) & kModeBits};
    case emulate::kFchmodat2:
      flags = task.int_arg(3);
      if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
      [[fallthrough]];
    case SYS_fchmodat:
      dirfd = task.int_arg(0);
      break;
    default:  // chmod
      path_arg = 0;
      break;
  }
  Answer<Subject> subject = named(task, dirfd, task.arg(path_arg), flags);
  if (!subject) return tl::unexpected(subject.error());
  return ModeRequest{std::move(*subject), task.word_arg(path_arg + 1) & kModeBits};
}

}  // namespace

Reply answer_mode(const Call& call, Model& model) {
  const Answer<ModeRequest> request = decode(call.task);
  if (!request) return request.error();
  Answer<File> file = find(call, model, request->subject);
  if (!file) return file.error();
  if (is_read_only(*file)) return Errno{EROFS};
  if (S_ISLNK(file->status.stx_mode)) return Errno{EOPNOTSUPP};
  const auto credentials = model.credentials(call);
  if (const auto ready = prepare(model, *credentials, *file, Change::kMode); !ready) {
    return ready.error();
  }
  if (!has_record(*file)) {
    if (::chmod(os::proc_path(file->fd).c_str(), request->mode) != 0) return Errno{errno};
    return Value{0};
  }
  const owners::Record record = model.record_of(file->status);
  std::uint32_t mode = request->mode;
  // A group that one is not in cannot be lent.
  if (!credentials->in_group(record.gid) && !credentials->capable(CAP_FSETID)) {
    mode &= ~static_cast<std::uint32_t>(S_ISGID);
  }
  const auto kept = keep(model, *file, record, mode);
  return kept ? Reply{Value{0}} : Reply{kept.error()};
}

}  // namespace lichen::bare
