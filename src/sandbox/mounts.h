// The mounts of a Plan, made beneath its root file system with the descriptor-based mount calls
// (fsopen, open_tree, move_mount, mount_setattr; Linux 5.12). Ordinary code that runs in the
// worker, which shares the mount namespace with the container's init: only the file systems that
// belong to init's other namespaces (proc, sysfs, mqueue) come from there, as detached mounts.
//
// The root file system is hostile: every target is opened beneath it, symlinks stay inside.
// Attributes are set before a tree is attached, so nothing is ever visible without them; and none
// is removed, so what the host locked (ro, nosuid, nodev, noexec, atime) stays.
// One thread, or one namespace a thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "sandbox/plan.h"

namespace lichen::sandbox {

// A file system being configured; fsopen(2).
class FileSystem {
 public:
  static Result<FileSystem> open(const char* type);
  Result<void> set(const char* key, const char* value);  // nullptr: a flag
  Result<os::UniqueFd> create(unsigned attributes);      // MOUNT_ATTR_*; a detached mount

 private:
  FileSystem(os::UniqueFd fd, const char* type) : fd_(std::move(fd)), type_(type) {}
  Error error(const char* what) const;
  os::UniqueFd fd_;
  const char* type_;
};

// A detached copy of what is mounted at `source`, to attach elsewhere.
Result<os::UniqueFd> clone_tree(const std::string& source, bool recursive);
Result<void> set_attributes(const os::UniqueFd& tree, std::uint64_t attributes);  // of all of it
Result<void> attach(const os::UniqueFd& tree, const os::UniqueFd& target, const std::string& name);

// What belongs to one container: made by its init in its own namespaces, and its terminal. What the
// Plan has no use for is not valid.
struct FreshMounts {
  os::UniqueFd proc, sysfs, mqueue;
  os::UniqueFd terminal;
};
bool needs_fresh_mount(const Step& step);

class RootTree {
 public:
  static Result<RootTree> open(const std::string& rootfs);  // a mount point

  Result<void> apply(const Step& step, const FreshMounts& fresh);
  // Makes the tree the root of everyone in this mount namespace whose root was the old one, and
  // lets go of the old one.
  Result<void> pivot();

  // Paths that apply() made in the root file system itself (not in a mount on it), in order: the
  // stubs that do not belong into a layer.
  std::vector<std::string> take_created() { return std::move(created_); }

 private:
  explicit RootTree(os::UniqueFd root) : root_(std::move(root)) {}
  Result<os::UniqueFd> find(const std::string& path) const;  // not valid: absent
  Result<os::UniqueFd> directory(const std::string& path, unsigned mode, int links = 0);
  Result<os::UniqueFd> target(const std::string& path, bool directory, unsigned mode = 0755);
  Result<void> note_created(const os::UniqueFd& parent, const std::string& path);

  Result<void> run(const Bind& bind);
  Result<void> run(const Tmpfs& tmpfs);
  Result<void> run(const Devpts& pts);
  Result<void> run(const Symlink& link);
  Result<void> run(const Mask& mask);
  Result<void> run(const ReadOnly& path);
  Result<void> attach_fresh(const os::UniqueFd& mount, const std::string& path);

  os::UniqueFd root_;
  unsigned long device_ = 0;
  std::vector<std::string> created_;
};

}  // namespace lichen::sandbox
