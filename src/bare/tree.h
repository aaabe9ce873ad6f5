// The step's file system: a root directory, and other places of the host that are seen at paths of
// it. Turns what a program names into an open descriptor (O_PATH) of the host's file.
//
//   auto file = tree.open(task, credentials, dirfd, path, Last::kFollow);        // the file itself
//   auto entry = tree.find_entry(task, credentials, dirfd, path);                // where a name is
//   made if (!file) return file.error();
//
// Lookup. An absolute path, or a relative one with what its directory is called in the step's view
// (/proc/TID/cwd or fd/N, with the root's path cut off), is looked up by openat2(RESOLVE_IN_ROOT)
// in the root when no mount is on the way; else (a symlink or ".." leads across one, or the answer
// is a covered mount point) name by name, which is slow and always right. Nothing leads out of the
// root: not "..", not absolute symlinks, not magic links of /proc, not a hostile rename meanwhile,
// not a descriptor that the step has come by (Tree::take).
//
// Mounts (all of it without a mount(2)): /proc is the host's, but only the processes of the step
// are in it (Processes), /proc/self and /proc/1 are the caller and the step's first process, and
// its magic links are followed in the step's view; /dev is a directory of ours, whose device files
// are placeholders with records, with /dev/pts and /dev/ptmx of the host and a private /dev/shm;
// /sys is the host's, read-only; then the volumes. The deepest target wins, a later one before an
// earlier.
//
// Who may not search every directory (or has called chroot) is looked up for name by name, and
// asked for search permission on the way.
//
// Immutable after make(); thread-safe.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bare/reply.h"
#include "base/result.h"
#include "emulate/credentials.h"
#include "emulate/place.h"
#include "os/fd.h"

namespace lichen::bare {

using emulate::Last;

struct Model;

struct Mount {
  std::string target;  // in the step's view: "", "/proc", … no slash at the end
  std::string source;  // real path, canonical
  os::UniqueFd fd;     // O_PATH of source
  enum class Kind {
    kTree,  // the root: files here have records and may be frozen
    kOwn,   // made for steps (/dev, /dev/shm, some volumes): records; volumes may be frozen
    kHost,  // volumes, /sys, /dev/pts: as the host has it
    kProc,
  };
  Kind kind = Kind::kTree;
  bool read_only = false;

  bool keeps_records() const { return kind == Kind::kTree || kind == Kind::kOwn; }
};

// A file that was found.
struct File {
  os::UniqueFd fd;  // O_PATH
  const Mount* mount =
      nullptr;             // never null, but for files without a path (pipe:[1] by /proc/self/fd)
  struct statx status {};  // emulate::kStatusMask, as the kernel knows it
  std::string link;        // the magic link that led here, "/proc/PID/fd/N"; "": a name did
};

// A directory, and a name in it that may or may not be there.
struct Entry {
  File directory;
  std::string name;  // one component; never "", "." or ".."
  bool slash_at_end = false;
  bool is_mount = false;  // a mount is seen here: the name exists, and stays (EBUSY)
};

class Tree {
 public:
  // `mounts` in order; the first is the root, with target "". `may_openat2`: false for tests of the
  // slow way; a kernel without openat2(2) is found out.
  static Result<Tree> make(std::vector<Mount> mounts, bool may_openat2 = true);

  const Mount& root() const { return mounts_.front(); }
  const std::vector<Mount>& mounts() const { return mounts_; }

  // ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EBADF, EACCES (search permission of the step's user) …:
  // as the kernel says it. An empty path is dirfd itself (the caller checks AT_EMPTY_PATH). A path
  // with a slash at the end must be a directory.
  Answer<File> open(const Call& call, Model& model, int dirfd, std::string_view path,
                    Last last) const;
  // EEXIST for ".", "..", "/" (EBUSY or EINVAL, where a call says so, is its handler's business).
  Answer<Entry> find_entry(const Call& call, Model& model, int dirfd, std::string_view path) const;
  // The entry that a path means when its last symlinks are followed (open with O_CREAT on a
  // dangling symlink makes its target).
  Answer<Entry> follow_entry(const Call& call, Model& model, int dirfd,
                             std::string_view path) const;

  // What a descriptor of the step leads to (its directory, a link of /proc), with its real path:
  // not found by a name, so the step may have got hold of it by changing a path that was put into
  // its memory. EACCES: a file of the host, or of a process of the host, that it was not given.
  struct Taken {
    File file;
    std::string real;  // as the kernel says it, "/a (deleted)", "pipe:[1]"; "": too long
  };
  Answer<Taken> take(os::UniqueFd fd, const Model& model) const;

  // What the step calls the file at a real path; nullopt: it cannot see it.
  std::optional<std::string> seen_as(std::string_view real_path) const;
  // Real path of an open file; "" when it has none (deleted, a pipe).
  std::string real_path(const os::UniqueFd& file) const;

  // The mount in which a path of the step's view lies, when no symlink is on the way.
  const Mount& mount_at(std::string_view seen) const;
  // The mount whose target is exactly this; nullptr: none, or the root.
  const Mount* mount_on(std::string_view seen) const;
  // O_PATH of what has this path in the step's view, where no symlink (but a last one) is followed;
  // not valid: errno says why.
  os::UniqueFd open_plain(std::string_view seen) const;

 private:
  friend class Walk;

  struct Base {
    bool exists = false, is_directory = true;
    std::optional<std::string> seen;  // its path, where lookups by name may start
    std::string real;
  };
  Base base_of(const emulate::Task& task, int dirfd) const;
  // nullopt: only a walk can tell.
  std::optional<Answer<File>> open_fast(std::string_view path, Last last) const;
  os::UniqueFd open_beneath(const Mount& mount, const std::string& rest, int flags,
                            std::uint64_t resolve) const;
  const Mount* mount_of_real(std::string_view real_path) const;
  bool is_foreign(const Taken& taken, const Model& model) const;

  std::vector<Mount> mounts_;
  std::unique_ptr<Mount> outside_;  // of files that only an inherited descriptor leads to
  bool has_openat2_ = false;
};

// `file`, with its status. An invalid one is an errno.
Answer<File> to_file(os::UniqueFd fd, const Mount* mount);

}  // namespace lichen::bare
