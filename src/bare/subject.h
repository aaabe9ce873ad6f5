// The one file that a call names, by path or by descriptor, and what is to be done before it may
// change: the part that chmod, chown, utimensat, truncate, setxattr and their kin share.
//
//   auto subject = named(call.task, AT_FDCWD, call.task.arg(0), 0);    // or held(fd)
//   auto file = find(call, model, *subject);                           // open, O_PATH
//   if (auto ready = prepare(model, *credentials, *file, Change::kMode); !ready) …
//   keep(model, *file, record, mode);
//
// A descriptor that the step holds is only a way to find the file: what is changed is the file that
// has the path now. The descriptor's own inode may be frozen, and a copy then has taken its place.
//
// The order of errors is the kernel's: lookup, EROFS, then permission.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <string>

#include "bare/model.h"
#include "emulate/change.h"

namespace lichen::bare {

using emulate::Change;

struct Subject {
  int dirfd = AT_FDCWD;
  std::string path;  // "": dirfd itself
  Last last = Last::kFollow;
  bool must_be_open = false;  // an O_PATH descriptor will not do: EBADF
};

// `flags`: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH count. EFAULT, ENAMETOOLONG, ENOENT.
Answer<Subject> named(const emulate::Task& task, int dirfd, std::uint64_t path, int flags);
// The first argument of fchmod, fsetxattr, …
Subject held(int fd);

// The flags of a descriptor of the caller, O_CLOEXEC among them; from /proc/TID/fdinfo/N. nullopt:
// it is not open.
std::optional<int> flags_of(const emulate::Task& task, int fd);

Answer<File> find(const Call& call, Model& model, const Subject& subject);

// The tree's files and those of /dev: we keep their owners and modes. All others, volumes and
// /proc, are as the kernel has them.
bool has_record(const File& file);
bool is_read_only(const File& file);
// Owner and mode for emulate's rules, of a file that is known by its status only.
emulate::Owned owned(const Model& model, const Mount* mount, const struct statx& status);

// A descriptor may be that of a shared file whose private copy has been changed since: what it
// leads to is made that copy before anything is judged. Other files stay as they are.
Answer<void> renew(Model& model, File& file, bool truncate = false);
// EROFS, EACCES, EPERM by `change`; then `file` is a private copy if it was shared with a layer.
Answer<void> prepare(Model& model, const emulate::Credentials& credentials, File& file,
                     Change change, bool truncate = false);
// Keeps the record, and moves the real ctime, which programs look at. ENOMEM.
Answer<void> keep(Model& model, const File& file, const owners::Record& record, std::uint32_t mode);

// What write(2), truncate(2) and chown(2) do to setuid, setgid and file capabilities. Root of the
// first user namespace may write and keep the bits; root of another one, as at the other tiers, may
// not (file_remove_privs in the kernel's fs/inode.c asks for CAP_FSETID in the first).
void drop_privileges(owners::Record& record, std::uint32_t& mode,
                     const emulate::Credentials& credentials);

}  // namespace lichen::bare
