// mkdir, symlink and mknod.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/creation.h"
#include "bare/entries.h"
#include "emulate/mknod.h"

namespace lichen::bare {

namespace {

struct CreateRequest {
  int dirfd = AT_FDCWD;
  std::uint64_t path = 0, target = 0;
  std::uint32_t mode = 0;  // with the type
  bool is_mkdir = false;
  std::uint32_t device = 0;
};

CreateRequest decode(const emulate::Task& task) {
  switch (task.nr()) {
    case SYS_mkdirat:
      return {.dirfd = task.int_arg(0),
              .path = task.arg(1),
              .mode = S_IFDIR | (task.word_arg(2) & 01777),
              .is_mkdir = true};
    case SYS_symlinkat:
      return {.dirfd = task.int_arg(1),
              .path = task.arg(2),
              .target = task.arg(0),
              .mode = S_IFLNK | 0777};
    case SYS_mknodat:
      return {.dirfd = task.int_arg(0),
              .path = task.arg(1),
              .mode = task.word_arg(2) & (S_IFMT | 07777),
              .device = task.word_arg(3)};
#ifdef __x86_64__
    case SYS_mkdir:
      return {.path = task.arg(0), .mode = S_IFDIR | (task.word_arg(1) & 01777), .is_mkdir = true};
    case SYS_symlink:
      return {.path = task.arg(1), .target = task.arg(0), .mode = S_IFLNK | 0777};
    case SYS_mknod:
      return {.path = task.arg(0),
              .mode = task.word_arg(1) & (S_IFMT | 07777),
              .device = task.word_arg(2)};
#endif
    default:
      return {};
  }
}

bool is_symlink(const emulate::Task& task) {
#ifdef __x86_64__
  if (task.nr() == SYS_symlink) return true;
#endif
  return task.nr() == SYS_symlinkat;
}

bool is_device(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

bool is_makeable(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFDIR:
    case S_IFLNK:
      return true;
    default:
      return is_device(mode);
  }
}

// 0 or errno. `mode` is the real one.
int make(const Entry& entry, std::uint32_t mode, const std::string& target) {
  const int directory = entry.directory.fd.get();
  const char* name = entry.name.c_str();
  int made = -1;
  switch (mode & S_IFMT) {
    case S_IFDIR:
      made = ::mkdirat(directory, name, mode & 07777);
      break;
    case S_IFLNK:
      made = ::symlinkat(target.c_str(), directory, name);
      break;
    default:
      made = ::mknodat(directory, name, mode, 0);
      break;
  }
  return made == 0 ? 0 : errno;
}

}  // namespace

Reply answer_create(const Call& call, Model& model) {
  const CreateRequest request = decode(call.task);
  std::uint32_t mode = request.mode;
  if ((mode & S_IFMT) == 0) mode |= S_IFREG;
  if (S_ISDIR(mode) && !request.is_mkdir) return Errno{EPERM};
  if (S_ISLNK(mode) && request.target == 0) return Errno{is_symlink(call.task) ? EFAULT : EINVAL};
  if (!is_makeable(mode)) return Errno{EINVAL};
  std::string target;
  if (S_ISLNK(mode)) {
    Answer<std::string> text = call.task.read_path(request.target);
    if (!text) return text.error();
    if (text->empty()) return Errno{ENOENT};
    target = std::move(*text);
  }
  const Answer<Entry> entry = entry_at(call, model, request.dirfd, request.path, EEXIST);
  if (!entry) return entry.error();
  if (entry->slash_at_end && !request.is_mkdir) {
    return entry->is_mount || status_of(*entry) ? Errno{EEXIST} : Errno{ENOENT};
  }
  const auto credentials = model.credentials(call);
  Answer<Creation> creation = decide_creation(call, model, *credentials, *entry);
  if (!creation) return creation.error();
  if (is_device(mode)) {
    Answer<owners::Record> record = emulate::decide_device(
        mode, request.device, creation->has_record && credentials->capable(CAP_MKNOD),
        creation->record);
    if (!record) return status_of(*entry) ? Errno{EEXIST} : record.error();
    creation->record = *record;
    mode = S_IFREG | (mode & 07777);  // its placeholder
  }
  if (!S_ISLNK(mode)) mode &= ~creation->mask;
  const std::uint32_t real = real_mode(*creation, mode & 07777, request.is_mkdir);
  if (const int error = make(*entry, (mode & S_IFMT) | real, target); error != 0) {
    return Errno{error};
  }
  if (request.is_mkdir && creation->setgid_directory) mode |= S_ISGID;
  if (creation->record.is_default() && (S_ISLNK(mode) || real == (mode & 07777))) return Value{0};
  const Answer<File> made = open_entry(*entry);
  if (!made) return Value{0};  // already gone: nothing to know about it
  if (const int error = keep_new(model, *creation, made->fd, mode); error != 0) return Errno{error};
  return Value{0};
}

}  // namespace lichen::bare
