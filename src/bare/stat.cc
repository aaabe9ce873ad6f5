// The stat family. A file of a held descriptor is looked at through /proc, all others through their
// path; what is written is what the records make of it.
#include "emulate/stat.h"

#include <fcntl.h>

#include "bare/model.h"

namespace lichen::bare {

namespace {

// Of a descriptor, or the current directory. One call, and no need to know where it is: only files
// that the model knows have records.
Answer<struct statx> status_of_held(const emulate::StatRequest& request,
                                    const emulate::Task& task) {
  const std::string name =
      task.in_proc(request.dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(request.dirfd));
  struct statx status {};
  if (::statx(task.proc().get(), name.c_str(), request.flags, request.mask | emulate::kStatusMask,
              &status) != 0) {
    return refuse(errno == ENOENT ? EBADF : errno);
  }
  return status;
}

Answer<struct statx> status_of(const emulate::StatRequest& request, const Call& call,
                               Model& model) {
  if (request.path.empty()) {
    const Answer<struct statx> status = status_of_held(request, call.task);
    if (!status) return status;
    return model.seen(*status, nullptr);
  }
  Answer<File> file = model.tree.open(call, model, request.dirfd, request.path, request.last);
  if (!file) return tl::unexpected(file.error());
  const unsigned more = request.mask & ~emulate::kStatusMask;
  const bool sync = (request.flags & AT_STATX_SYNC_TYPE) != 0;
  if ((more != 0 || sync) && ::statx(file->fd.get(), "", request.flags | AT_EMPTY_PATH,
                                     request.mask | emulate::kStatusMask, &file->status) != 0) {
    return refuse(errno);
  }
  return model.seen(file->status, file->mount);
}

}  // namespace

Reply answer_stat(const Call& call, Model& model) {
  const Answer<emulate::StatRequest> request = emulate::decode_stat(call.task);
  if (!request) return request.error();
  const Answer<struct statx> status = status_of(*request, call, model);
  if (!status) return status.error();
  return convert(emulate::write_status(call.task, *request, *status));
}

}  // namespace lichen::bare
