// What the supervisor of a `bare` step knows; shared by its threads, each part locks itself.
//
// The handlers of calls that name no file (ids, capabilities, prctl, rlimits) are emulate's, and
// get `root`; all others are here, one file a family. A handler decodes, finds its files through
// `tree`, judges by the step's credentials (permission.h), copies up what is frozen, acts on
// descriptors
// (/proc/self/fd/N where a call takes only a path), and keeps the records.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "bare/exec.h"
#include "bare/fifo.h"
#include "bare/frozen.h"
#include "bare/processes.h"
#include "bare/reply.h"
#include "bare/roots.h"
#include "bare/sockets.h"
#include "bare/terminals.h"
#include "bare/tree.h"
#include "emulate/model.h"
#include "emulate/permission.h"

namespace lichen::bare {

struct Model {
  Model(Tree the_tree, emulate::Credentials initial, SocketDirectory for_sockets);

  emulate::Model root;  // credentials, and the records of files by inode (root.files)
  Tree tree;
  std::unique_ptr<Frozen> frozen;  // set before the step starts
  Processes processes;
  Executables executables;
  Sockets sockets;
  Roots roots;
  os::UniqueFd proc;  // O_PATH of /proc
  Terminals terminals;
  Fifos fifos;
  // Real path of the directory of files that are made for the step, and are none of the tree's.
  std::string texts = "/nowhere";
  std::set<std::pair<dev_t, ino_t>> given;  // its standard streams may be files of the host
  void give(const os::UniqueFd& stream);
  bool was_given(const struct statx& status) const;
  // A terminal that is not the step's: it is there, but cannot be opened or changed.
  bool is_others_terminal(const struct statx& status) const;
  uid_t uid = 0;  // ours, which the step shall see as 0
  gid_t gid = 0;
  dev_t device = 0;  // of the tree
  bool ptrace_only = false;
  std::string hostname;  // uname(2)

  std::shared_ptr<const emulate::Credentials> credentials(const Call& call) const {
    return root.credentials.of(call.task.tid());
  }
  // For lookups: nullptr when whoever looks may search everything, from the step's root.
  std::shared_ptr<const emulate::Credentials> who_looks(const Call& call) const;
  // `status` as the step shall see it: owner (ours is 0:0, foreign ones 65534), record, link count.
  struct statx seen(struct statx status, const Mount* mount) const;
  void show_as_node(struct statx& status, bool has_record) const;
  // owner and mode for permission.h
  emulate::Owned owned(const File& file) const;
  // Gives a file, new or old, of mount kTree or kOwn its mode (of 12 bits) and owner: the real mode
  // is widened to what we need (0600, directories 0700) and narrowed by setuid, setgid and sticky,
  // the record says the rest. false: too many records.
  bool put(const os::UniqueFd& file, owners::Record record, std::uint32_t mode);
  // The record of a file that has none says what is really there: owner 0:0, its mode.
  owners::Record record_of(const struct statx& status) const;
};

// emulate::permits with the file's record; of mounts kHost and kProc the kernel is the judge.
bool permits(const Model& model, const emulate::Credentials& credentials, const File& file,
             int want);

Reply answer_stat(const Call& call, Model& model);    // stat, lstat, fstat, newfstatat, statx
Reply answer_open(const Call& call, Model& model);    // open, openat, creat; openat2: ENOSYS
Reply answer_create(const Call& call, Model& model);  // mkdir, symlink, mknod and their *at
Reply answer_remove(const Call& call, Model& model);  // unlink, rmdir, unlinkat
Reply answer_rename(const Call& call, Model& model);  // rename, renameat, renameat2
Reply answer_link(const Call& call, Model& model);    // link, linkat
Reply answer_mode(const Call& call, Model& model);    // chmod, fchmod, fchmodat, fchmodat2
Reply answer_owner(const Call& call, Model& model);   // chown and its kin
Reply answer_times(const Call& call, Model& model);   // utime, utimes, futimesat, utimensat
Reply answer_truncate(const Call& call, Model& model);
Reply answer_xattr(const Call& call, Model& model);  // get, set, list, remove; path, l, f
Reply answer_access(const Call& call, Model& model);
Reply answer_readlink(const Call& call, Model& model);
Reply answer_statfs(const Call& call, Model& model);     // statfs by path
Reply answer_directory(const Call& call, Model& model);  // getcwd, chdir, chroot
Reply answer_watch(const Call& call, Model& model);      // inotify_add_watch
Reply answer_socket(const Call& call, Model& model);     // bind, connect, sendto, sendmsg, …
Reply answer_signal(const Call& call, Model& model);     // kill and its kin, by Processes
Reply answer_exec(const Call& call, Model& model);       // execve, execveat

// By the number of the call.
Reply answer(const Call& call, Model& model);

}  // namespace lichen::bare
