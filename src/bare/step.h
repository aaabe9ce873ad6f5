// Runs one program in a directory tree as if that were its root, with nothing but the rights of an
// ordinary user: no namespace, no mount, no capability. Tier `bare`.
//
//   Result<Ended> ended = run({.root = tree, .scratch = dir, .argv = {"/bin/sh", "-c", "make"}, …},
//                             std::move(stdio));
//   … ended->records knows owners, modes and devices of the files that are in the tree now …
//
// Every system call of the program that names a file, a socket or a process stops, and is answered
// by this process: most through a seccomp listener (the supervisor acts, and gives back a value or
// a descriptor), those that only the caller itself can do in a ptrace stop, in which another path
// is put in their place (execve, chdir, O_PATH, unix sockets). Where a listener cannot be had,
// because an outer container has one already, all of them stop by ptrace. See docs/architecture.md.
//
// Nothing of the layers below is ever written: files of `frozen` are shared with them (hard links)
// and are replaced by a private copy before they change, as overlayfs would do it (frozen.h).
//
// For a worker process: it must be single-threaded when it calls run(), at most one run at a time,
// umask 0. When run() returns no process of the step is left; when the calling process dies the
// kernel kills them all (PTRACE_O_EXITKILL). Linux 5.11.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bare/emulator.h"
#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/limits.h"
#include "owners/record.h"

namespace lichen::bare {

struct Stdio {
  os::UniqueFd in, out, err;
};

// A file or directory of the host that the step sees at `target`, without a mount.
struct Volume {
  std::string source, target;
  bool read_only = false;
  // It is not the host's but was made for steps: what the kernel could not be told of its files
  // stands in records. Files of `frozen` may be in it.
  bool keeps_records = false;
  std::string tree;  // with records: the directory that they are about; `source` is in it
  owners::Owners owners;
};

enum class Backend {
  kAuto,    // a listener where it can be had
  kNotify,  // for tests
  kPtrace,
};

struct Options {
  std::string root;     // the merged tree: a plain directory, absolute, no symlink in its path
  std::string scratch;  // an empty directory on the same file system: /dev, sockets, half copies
  // What store::Workspace says of the tree: inode numbers shared with layers, with the link count
  // to show, and those of directories that come from layers.
  std::unordered_map<ino_t, nlink_t> frozen;
  std::unordered_set<ino_t> frozen_directories;
  std::unordered_map<ino_t, struct ::timespec> fifos;  // copies of the layers', with their mtime
  owners::Owners owners;                               // of the chain below
  std::vector<Volume> volumes;

  std::vector<std::string> argv, env;  // argv[0] is looked up in env's PATH
  std::string cwd = "/";
  std::string hostname = "lichen";
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
  bool terminal = false;  // stdio is a pty slave: make it the controlling terminal
  std::vector<os::ResourceLimit> limits;
  std::vector<Emulator> emulators;  // for what is for another processor
  Backend backend = Backend::kAuto;
  std::function<void(pid_t)> on_start;  // the first process, whose end ends the step; may be empty
};

struct Ended {
  os::WaitStatus status;
  // The record of a file of the tree, as it is now: what makes it look to the step as it did.
  // `status` is statx(2) with emulate::kStatusMask.
  std::function<owners::Record(const struct statx& status)> record_of;
  // Of the tree, by inode: used ones look changed, too.
  std::unordered_set<ino_t> changed_fifos;
};

Result<Ended> run(Options options, Stdio stdio);

}  // namespace lichen::bare
