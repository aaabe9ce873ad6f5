// A file without a record is left to the kernel, and so is every error: only what the model knows
// better is written by us.
#include "emulate/stat.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "emulate/model.h"
#include "os/i386.h"

namespace lichen::emulate {

namespace {

constexpr int kStatFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
constexpr int kStatxFlags = kStatFlags | AT_STATX_SYNC_TYPE;

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

os::I386Stat to_i386(const struct statx& status) {
  const auto device = [](std::uint32_t major, std::uint32_t minor) -> std::uint64_t {
    return ::makedev(major, minor);
  };
  return {.dev = device(status.stx_dev_major, status.stx_dev_minor),
          .pad0 = 0,
          .short_ino = static_cast<std::uint32_t>(status.stx_ino),
          .mode = status.stx_mode,
          .nlink = status.stx_nlink,
          .uid = status.stx_uid,
          .gid = status.stx_gid,
          .rdev = device(status.stx_rdev_major, status.stx_rdev_minor),
          .pad1 = 0,
          .size = static_cast<std::int64_t>(status.stx_size),
          .blksize = status.stx_blksize,
          .blocks = status.stx_blocks,
          .atime = static_cast<std::uint32_t>(status.stx_atime.tv_sec),
          .atime_ns = status.stx_atime.tv_nsec,
          .mtime = static_cast<std::uint32_t>(status.stx_mtime.tv_sec),
          .mtime_ns = status.stx_mtime.tv_nsec,
          .ctime = static_cast<std::uint32_t>(status.stx_ctime.tv_sec),
          .ctime_ns = status.stx_ctime.tv_nsec,
          .ino = status.stx_ino};
}

}  // namespace

Answer<StatRequest> decode_stat(const Task& task) {
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
    case SYS_statx: {
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      flags = task.int_arg(2);
      request.is_statx = true;
      request.mask = task.word_arg(3);
      request.flags = flags & (AT_STATX_SYNC_TYPE | AT_NO_AUTOMOUNT);
      request.buffer = task.arg(4);
      const bool is_known = (flags & ~kStatxFlags) == 0 &&
                            (flags & AT_STATX_SYNC_TYPE) != AT_STATX_SYNC_TYPE &&
                            (request.mask & STATX__RESERVED) == 0;
      if (!is_known) return refuse(EINVAL);
      break;
    }
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

Reply write_status(const Task& task, const StatRequest& request, const struct statx& status) {
  bool written = false;
  if (request.is_statx) {
    written = task.write(request.buffer, &status, sizeof status);
  } else if (task.is_i386()) {
    const os::I386Stat old = to_i386(status);
    written = task.write(request.buffer, &old, sizeof old);
  } else {
    const struct stat old = to_stat(status);
    written = task.write(request.buffer, &old, sizeof old);
  }
  return written ? Reply{Value{0}} : Reply{Errno{EFAULT}};
}

Reply answer_stat(const Task& task, Model& model) {
  if (model.files.empty()) return Continue{};
  const Answer<StatRequest> request = decode_stat(task);
  if (!request) return Continue{};
  // stat finds the way to a file in one call; only a symlink that means the caller's own /proc
  // needs the slow walk, and there the kernel's answer (a pipe, a terminal) is good enough.
  const auto credentials = model.who_looks(task);
  const Place place = locate(task, *credentials, request->dirfd, request->path, request->last);
  auto status = status_of(place, request->mask | kStatusMask, request->flags);
  if (!status) return Continue{};
  const auto record = model.record_of(*status);
  if (!record) return Continue{};
  dress(*status, *record);
  return write_status(task, *request, *status);
}

}  // namespace lichen::emulate
