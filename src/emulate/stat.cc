// The stat family. A file without a record is left to the kernel, and so is every error: only what
// the model knows better is written by us.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "emulate/model.h"
#include "emulate/permission.h"
#include "emulate/place.h"

namespace lichen::emulate {

namespace {

struct StatRequest {
  int dirfd = AT_FDCWD;
  std::string path;  // empty: dirfd itself
  Last last = Last::kFollow;
  int flags = 0;                // what statx shall be told besides
  unsigned mask = kStatusMask;  // of a statx
  std::uint64_t buffer = 0;
  bool is_statx = false;
};

// nullopt: nothing that could concern a record, or nothing that can be read.
std::optional<StatRequest> decode(const Task& task) {
  StatRequest request;
  int flags = 0;
  std::uint64_t path = 0;
  switch (task.nr()) {
    case SYS_fstat:
      request.dirfd = task.int_arg(0);
      request.buffer = task.arg(1);
      return request;
    case SYS_newfstatat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.buffer = task.arg(2);
      flags = task.int_arg(3);
      if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) != 0) {
        return std::nullopt;
      }
      break;
    case SYS_statx:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      flags = task.int_arg(2);
      request.mask = task.word_arg(3);
      request.buffer = task.arg(4);
      request.is_statx = true;
      request.flags = flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
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
    if (!text) return std::nullopt;
    request.path = std::move(*text);
  }
  if (request.path.empty() && (flags & AT_EMPTY_PATH) == 0) return std::nullopt;
  if (!request.path.empty() && (flags & AT_SYMLINK_NOFOLLOW) != 0) request.last = Last::kKeep;
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

}  // namespace

Reply answer_stat(const Task& task, Model& model) {
  if (model.files.empty()) return Continue{};
  const std::optional<StatRequest> request = decode(task);
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
  bool written = false;
  if (request->is_statx) {
    written = task.write(request->buffer, &*status, sizeof *status);
  } else {
    const struct stat old = to_stat(*status);
    written = task.write(request->buffer, &old, sizeof old);
  }
  return written ? Reply{Value{0}} : Reply{Errno{EFAULT}};
}

}  // namespace lichen::emulate
