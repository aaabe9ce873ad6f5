// access(2) and its family. Root is judged as the kernel judges root: it may all, but not execute
// what nobody may.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

struct AccessRequest {
  Subject subject;
  int want = 0;
  bool effective = false;
};

Answer<AccessRequest> decode(const emulate::Task& task) {
  AccessRequest request;
  int dirfd = AT_FDCWD, flags = 0;
  std::size_t path_arg = 1;
  switch (task.nr()) {
    case SYS_faccessat2:
      flags = task.int_arg(3);
      [[fallthrough]];
    case SYS_faccessat:
      dirfd = task.int_arg(0);
      break;
    default:
      path_arg = 0;
      break;
  }
  request.want = task.int_arg(path_arg + 1);
  if ((request.want & ~(R_OK | W_OK | X_OK)) != 0) return refuse(EINVAL);
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
  request.effective = (flags & AT_EACCESS) != 0;
  Answer<Subject> subject = named(task, dirfd, task.arg(path_arg), flags);
  if (!subject) return tl::unexpected(subject.error());
  request.subject = std::move(*subject);
  return request;
}

bool is_special(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

}  // namespace

Reply answer_access(const Call& call, Model& model) {
  const Answer<AccessRequest> request = decode(call.task);
  if (!request) return request.error();
  const Answer<File> file = find(call, model, request->subject);
  if (!file) return file.error();
  if (S_ISLNK(file->status.stx_mode)) return Value{0};
  const emulate::Owned owned = model.owned(*file);
  if (has_record(*file)) {
    emulate::Credentials credentials = *model.credentials(call);
    if (!request->effective) credentials = emulate::as_real(std::move(credentials));
    if (!emulate::permits(credentials, owned, request->want)) return Errno{EACCES};
  } else if (::faccessat(AT_FDCWD, os::proc_path(file->fd).c_str(), request->want, 0) != 0) {
    return Errno{errno};
  }
  const bool writes = (request->want & W_OK) != 0 && !is_special(owned.mode);
  return writes && is_read_only(*file) ? Reply{Errno{EROFS}} : Reply{Value{0}};
}

}  // namespace lichen::bare
