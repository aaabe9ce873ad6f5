// Device nodes. No user namespace may make one, so an empty file stands for it in the tree, and a
// record says what it is. stat shows the device; layers hold it.
#include "emulate/mknod.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "emulate/create.h"

namespace lichen::emulate {

namespace {

struct DeviceRequest {
  int dirfd = AT_FDCWD;
  std::uint64_t path = 0;
  mode_t mode = 0;
  std::uint32_t device = 0;
};

DeviceRequest decode(const Task& task) {
  const int first = task.nr() == SYS_mknodat ? 1 : 0;
  return {.dirfd = first == 1 ? task.int_arg(0) : AT_FDCWD,
          .path = task.arg(first),
          .mode = task.word_arg(first + 1),
          .device = task.word_arg(first + 2)};
}

}  // namespace

Answer<owners::Record> decide_device(mode_t mode, std::uint32_t device, bool may_make_devices,
                                     owners::Record owner) {
  if (!may_make_devices) return refuse(EPERM);
  owner.type = mode & S_IFMT;
  owner.dev_major = gnu_dev_major(device);
  owner.dev_minor = gnu_dev_minor(device);
  // overlayfs keeps this one for itself: it is a whiteout.
  if (owner.type == S_IFCHR && device == 0) return refuse(EPERM);
  return owner;
}

Reply answer_mknod(const Task& task, Model& model) {
  const DeviceRequest request = decode(task);
  if (!S_ISCHR(request.mode) && !S_ISBLK(request.mode)) {
    return model.profile == Profile::kDevices ? Reply{Continue{}} : answer_create(task, model);
  }
  const Answer<std::string> path = task.read_path(request.path);
  if (!path) return path.error();
  const bool full = model.profile != Profile::kDevices;
  const auto caller = task.status();
  const auto credentials = full ? model.credentials.of(task.tid()) : model.who_looks(task);
  const auto parent = find_parent(task, *credentials, request.dirfd, *path);
  if (!caller || !parent || parent->slash_at_end) return Continue{};

  const bool may_make =
      full ? credentials->capable(CAP_MKNOD) : (caller->effective & capability(CAP_MKNOD)) != 0;
  Answer<owners::Record> owner = owners::Record{};
  if (full) owner = owner_of_new(task, model, *credentials, *parent, request.dirfd, *path);
  if (owner) owner = decide_device(request.mode, request.device, may_make, *owner);
  if (!owner) {
    return status_of(parent->directory, parent->name) ? Errno{EEXIST} : owner.error();
  }
  os::UniqueFd file;
  {
    const ThreadUmask umask(caller->umask);
    file = os::UniqueFd(::openat(parent->directory.get(), parent->name.c_str(),
                                 O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
                                 request.mode & 07777));
  }
  if (!file.valid()) return Errno{errno};
  const auto made = status_of(file);
  if (!made || !model.files.put(*made, *owner)) return Errno{ENOMEM};
  return Value{0};
}

}  // namespace lichen::emulate
