// The stat family. A file of a held descriptor is looked at through /proc, all others through their
// path; what is written is what the records make of it.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bare/model.h"

namespace lichen::bare {

namespace {

constexpr int kStatFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
constexpr int kStatxFlags = kStatFlags | AT_STATX_SYNC_TYPE;

struct StatRequest {
  int dirfd = AT_FDCWD;
  std::string path;  // empty: dirfd itself
  Last last = Last::kFollow;
  int sync = 0;       // AT_STATX_*
  unsigned mask = 0;  // of a statx
  std::uint64_t buffer = 0;
  bool is_statx = false;
};

Answer<StatRequest> decode(const emulate::Task& task) {
  StatRequest request;
  int flags = 0;
  std::uint64_t path = 0;
  switch (task.nr()) {
    case SYS_fstat:
      request.dirfd = task.int_arg(0);
      request.buffer = task.arg(1);
      if (request.dirfd < 0) return refuse(EBADF);
      return request;
    case SYS_newfstatat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.buffer = task.arg(2);
      flags = task.int_arg(3);
      if ((flags & ~kStatFlags) != 0) return refuse(EINVAL);
      break;
    case SYS_statx:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      flags = task.int_arg(2);
      request.mask = task.word_arg(3);
      request.buffer = task.arg(4);
      request.is_statx = true;
      request.sync = flags & AT_STATX_SYNC_TYPE;
      if ((flags & ~kStatxFlags) != 0 || request.sync == AT_STATX_SYNC_TYPE ||
          (request.mask & STATX__RESERVED) != 0) {
        return refuse(EINVAL);
      }
      break;
    default:  // stat, lstat
      path = task.arg(0);
      request.buffer = task.arg(1);
#ifdef __x86_64__
      if (task.nr() == SYS_lstat) flags = AT_SYMLINK_NOFOLLOW;
#endif
      break;
  }
  if (path != 0 || (flags & AT_EMPTY_PATH) == 0) {
    Answer<std::string> text = task.read_path(path);
    if (!text) return tl::unexpected(text.error());
    request.path = std::move(*text);
  }
  if (request.path.empty() && (flags & AT_EMPTY_PATH) == 0) return refuse(ENOENT);
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) request.last = Last::kKeep;
  return request;
}

timespec to_timespec(const statx_timestamp& time) {
  return {.tv_sec = time.tv_sec, .tv_nsec = static_cast<long>(time.tv_nsec)};
}

struct stat to_stat(const struct statx& status) {
  struct stat old {};
  old.st_dev = ::makedev(status.stx_dev_major, status.stx_dev_minor);
  old.st_ino = status.stx_ino;
  old.st_mode = status.stx_mode;
  old.st_nlink = status.stx_nlink;
  old.st_uid = status.stx_uid;
  old.st_gid = status.stx_gid;
  old.st_rdev = ::makedev(status.stx_rdev_major, status.stx_rdev_minor);
  old.st_size = static_cast<off_t>(status.stx_size);
  old.st_blksize = static_cast<blksize_t>(status.stx_blksize);
  old.st_blocks = static_cast<blkcnt_t>(status.stx_blocks);
  old.st_atim = to_timespec(status.stx_atime);
  old.st_mtim = to_timespec(status.stx_mtime);
  old.st_ctim = to_timespec(status.stx_ctime);
  return old;
}

// Of a descriptor, or the current directory. One call, and no need to know where it is: only files
// that the model knows have records.
Answer<struct statx> status_of_held(const StatRequest& request, const emulate::Task& task) {
  const std::string name =
      task.in_proc(request.dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(request.dirfd));
  struct statx status {};
  if (::statx(task.proc().get(), name.c_str(), request.sync, request.mask | emulate::kStatusMask,
              &status) != 0) {
    return refuse(errno == ENOENT ? EBADF : errno);
  }
  return status;
}

Answer<struct statx> status_of(const StatRequest& request, const Call& call, Model& model) {
  if (request.path.empty()) {
    const Answer<struct statx> status = status_of_held(request, call.task);
    if (!status) return status;
    return model.seen(*status, nullptr);
  }
  Answer<File> file = model.tree.open(call, model, request.dirfd, request.path, request.last);
  if (!file) return tl::unexpected(file.error());
  const unsigned more = request.mask & ~emulate::kStatusMask;
  if ((more != 0 || request.sync != 0) &&
      ::statx(file->fd.get(), "", request.sync | AT_EMPTY_PATH, request.mask | emulate::kStatusMask,
              &file->status) != 0) {
    return refuse(errno);
  }
  return model.seen(file->status, file->mount);
}

}  // namespace

Reply answer_stat(const Call& call, Model& model) {
  const Answer<StatRequest> request = decode(call.task);
  if (!request) return request.error();
  const Answer<struct statx> status = status_of(*request, call, model);
  if (!status) return status.error();
  bool written = false;
  if (request->is_statx) {
    written = call.task.write(request->buffer, &*status, sizeof *status);
  } else {
    const struct stat old = to_stat(*status);
    written = call.task.write(request->buffer, &old, sizeof old);
  }
  return written ? Reply{Value{0}} : Reply{Errno{EFAULT}};
}

}  // namespace lichen::bare
