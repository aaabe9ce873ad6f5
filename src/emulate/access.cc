// access(2) and its family, for others than root.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emulate/create.h"

namespace lichen::emulate {

namespace {

struct AccessRequest {
  int dirfd = AT_FDCWD;
  std::string path;
  int want = 0;
  bool effective = false;
  Last last = Last::kFollow;
};

std::optional<AccessRequest> decode(const Task& task) {
  AccessRequest request;
  int flags = 0;
  std::uint64_t path = 0;
  switch (task.nr()) {
    case SYS_faccessat2:
      flags = task.int_arg(3);
      [[fallthrough]];
    case SYS_faccessat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.want = task.int_arg(2);
      break;
    default:
      path = task.arg(0);
      request.want = task.int_arg(1);
      break;
  }
  request.effective = (flags & AT_EACCESS) != 0;
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) request.last = Last::kKeep;
  Answer<std::string> text = task.read_path(path);
  if (!text || (text->empty() && (flags & AT_EMPTY_PATH) == 0)) return std::nullopt;
  request.path = std::move(*text);
  return request;
}

}  // namespace

Reply answer_access(const Task& task, Model& model) {
  const auto caller = model.credentials.of(task.tid());
  // Root may do all that the kernel lets its own root do.
  if (caller->capable(CAP_DAC_OVERRIDE) && as_real(*caller).capable(CAP_DAC_OVERRIDE)) {
    return Continue{};
  }
  const std::optional<AccessRequest> request = decode(task);
  if (!request) return Continue{};
  Credentials credentials = *caller;
  if (!request->effective) credentials = as_real(std::move(credentials));
  const os::UniqueFd file =
      open_path(task, credentials, request->dirfd, request->path, request->last);
  if (!file.valid() || !task.valid()) return Continue{};
  const auto parent = find_parent(task, credentials, request->dirfd, request->path);
  if (parent && !may_search(task, model.files, credentials, parent->directory,
                            start_of(task, request->dirfd, request->path))) {
    return Errno{EACCES};
  }
  const auto status = status_of(file);
  if (!status || !is_judged(*status) || S_ISLNK(status->stx_mode)) return Continue{};
  if (!permits(credentials, owned(model.files, *status), request->want & 7)) return Errno{EACCES};
  return Continue{};
}

}  // namespace lichen::emulate
