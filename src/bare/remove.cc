// unlink(2), rmdir(2), unlinkat(2). What is shared with a layer needs no copy: only a name goes.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/entries.h"
#include "bare/subject.h"

namespace lichen::bare {

namespace {

struct RemoveRequest {
  int dirfd = AT_FDCWD;
  std::string path;
  bool directory = false;
};

Answer<RemoveRequest> decode(const emulate::Task& task) {
  RemoveRequest request;
  std::size_t path_arg = 0;
  if (task.nr() == SYS_unlinkat) {
    const int flags = task.int_arg(2);
    if ((flags & ~AT_REMOVEDIR) != 0) return refuse(EINVAL);
    request.directory = (flags & AT_REMOVEDIR) != 0;
    request.dirfd = task.int_arg(0);
    path_arg = 1;
  }
#ifdef __x86_64__
  request.directory = request.directory || task.nr() == SYS_rmdir;
#endif
  Answer<std::string> path = task.read_path(task.arg(path_arg));
  if (!path) return tl::unexpected(path.error());
  request.path = std::move(*path);
  return request;
}

// What the kernel says to names that are no entries.
int refusal_of_dots(const RemoveRequest& request) {
  if (!request.directory) return EISDIR;
  std::string_view path = request.path;
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return EBUSY;
  const bool parent = path == ".." || (path.size() > 2 && path.substr(path.size() - 3) == "/..");
  return parent ? ENOTEMPTY : EINVAL;
}

}  // namespace

Reply answer_remove(const Call& call, Model& model) {
  const Answer<RemoveRequest> request = decode(call.task);
  if (!request) return request.error();
  const Answer<Entry> entry =
      entry_of(call, model, request->dirfd, request->path, refusal_of_dots(*request));
  if (!entry) return entry.error();
  if (is_read_only(entry->directory)) return Errno{EROFS};
  if (entry->is_mount) return Errno{EBUSY};
  const Answer<struct statx> status = status_of(*entry);
  if (!status) return status.error();
  const bool is_directory = S_ISDIR(status->stx_mode);
  if (!request->directory && entry->slash_at_end) return Errno{is_directory ? EISDIR : ENOTDIR};

  int refused = 0;
  if (has_record(entry->directory)) {
    refused = emulate::decide(Change::kRemove, *model.credentials(call),
                              owned(model, entry->directory.mount, *status),
                              model.owned(entry->directory));
  }
  if (refused != 0) return Errno{refused};
  if (request->directory && !is_directory) return Errno{ENOTDIR};
  if (!request->directory && is_directory) return Errno{EISDIR};
  const int flags = request->directory ? AT_REMOVEDIR : 0;
  if (::unlinkat(entry->directory.fd.get(), entry->name.c_str(), flags) != 0) return Errno{errno};
  return Value{0};
}

}  // namespace lichen::bare
