// link(2), linkat(2). The source gets its private copy first: overlayfs copies up, too.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/entries.h"
#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

struct LinkRequest {
  TwoNames names;
  int flags = 0;
};

Answer<LinkRequest> decode(const emulate::Task& task) {
  const bool at = task.nr() == SYS_linkat;
  const LinkRequest request{two_names(task, at), at ? task.int_arg(4) : 0};
  if ((request.flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
  return request;
}

// fs.protected_hardlinks: nobody links what he could not have written himself.
bool may_link(const emulate::Credentials& credentials, const emulate::Owned& file) {
  if (emulate::owns(credentials, file)) return true;
  const bool privileged =
      (file.mode & S_ISUID) != 0 || (file.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  return S_ISREG(file.mode) && !privileged && emulate::permits(credentials, file, R_OK | W_OK);
}

}  // namespace

Reply answer_link(const Call& call, Model& model) {
  const Answer<LinkRequest> request = decode(call.task);
  if (!request) return request.error();
  const auto credentials = model.credentials(call);
  // By descriptor alone: for who may look everywhere.
  const int empty = credentials->capable(CAP_DAC_READ_SEARCH) ? request->flags & AT_EMPTY_PATH : 0;
  const int follow = (request->flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  const Answer<Subject> subject =
      named(call.task, request->names.from_dirfd, request->names.from, follow | empty);
  if (!subject) return subject.error();
  Answer<File> file = find(call, model, *subject);
  if (!file) return file.error();
  const Answer<Entry> entry =
      entry_at(call, model, request->names.to_dirfd, request->names.to, EEXIST);
  if (!entry) return entry.error();
  const Answer<struct statx> there = status_of(*entry);
  if (there || entry->is_mount) return Errno{EEXIST};
  if (there.error().number != ENOENT || entry->slash_at_end) return there.error();

  const File& directory = entry->directory;
  if (is_read_only(directory)) return Errno{EROFS};
  if (file->mount != nullptr) {
    if (file->mount != directory.mount) return Errno{EXDEV};
    if (has_record(*file) && !may_link(*credentials, model.owned(*file))) return Errno{EPERM};
  }
  if (!permits(model, *credentials, directory, W_OK | X_OK)) return Errno{EACCES};
  if (S_ISDIR(file->status.stx_mode)) return Errno{EPERM};
  if (has_record(*file)) {
    if (const auto ready = model.frozen->copy_up(model, *file); !ready) return ready.error();
  }
  if (::linkat(AT_FDCWD, os::proc_path(file->fd).c_str(), directory.fd.get(), entry->name.c_str(),
               AT_SYMLINK_FOLLOW) != 0) {
    return Errno{errno};
  }
  return Value{0};
}

}  // namespace lichen::bare
