#include "sandbox/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/text.h"
#include "os/file.h"

namespace lichen::sandbox {

namespace {

constexpr int kMaxLinks = 40;

Error mount_error(const char* call, const std::string& subject) {
  Error error = os_error(call, subject);
  if (error.os_errno == ENOSYS) error.hint = "lichen needs Linux 5.12 or newer for its mounts";
  return error;
}

// What the kernel says beside errno: "e overlay: ..." lines, one a read.
std::string kernel_message(const os::UniqueFd& fd) {
  char text[512];
  const ssize_t count = ::read(fd.get(), text, sizeof text);
  if (count <= 2) return "";
  return printable(trim({text + 2, static_cast<std::size_t>(count) - 2}));
}

}  // namespace

Result<FileSystem> FileSystem::open(const char* type) {
  os::UniqueFd fd(::fsopen(type, FSOPEN_CLOEXEC));
  if (!fd.valid()) return fail(mount_error("fsopen", type));
  return FileSystem(std::move(fd), type);
}

Error FileSystem::error(const char* what) const {
  Error error = mount_error(what, type_);
  const std::string message = kernel_message(fd_);
  if (!message.empty()) error.message += " (" + message + ")";
  return error;
}

Result<void> FileSystem::set(const char* key, const char* value) {
  const unsigned command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  if (::fsconfig(fd_.get(), command, key, value, 0) < 0) return fail(error(key));
  return {};
}

Result<os::UniqueFd> FileSystem::create(unsigned attributes) {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return fail(error("mount"));
  os::UniqueFd mount(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount.valid()) return fail(error("mount"));
  return mount;
}

Result<os::UniqueFd> clone_tree(const std::string& source, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  os::UniqueFd tree(::open_tree(AT_FDCWD, source.c_str(), flags));
  if (!tree.valid()) return fail(mount_error("bind", source));
  return tree;
}

Result<void> set_attributes(const os::UniqueFd& tree, std::uint64_t attributes) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (attributes != 0 &&
      ::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
    return fail(mount_error("mount_setattr", ""));
  return {};
}

Result<void> attach(const os::UniqueFd& tree, const os::UniqueFd& target, const std::string& name) {
  if (::move_mount(tree.get(), "", target.get(), "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fail(mount_error("mount", name));
  return {};
}

namespace {

// The kernel binds what is in a mount of this namespace only, which an open terminal of the
// caller's is not: ttyname_r looks for the name under which the same device is here.
Result<std::string> path_here(const os::UniqueFd& terminal) {
  char name[PATH_MAX];
  if (const int os_errno = ::ttyname_r(terminal.get(), name, sizeof name); os_errno != 0) {
    Error error = os_error(os_errno, "find", "the terminal");
    error.hint = "it must be in /dev/pts";
    return fail(std::move(error));
  }
  return std::string(name);
}

}  // namespace

bool needs_fresh_mount(const Step& step) {
  if (const Proc* proc = std::get_if<Proc>(&step)) return !proc->host;
  return std::holds_alternative<Sysfs>(step) || std::holds_alternative<Mqueue>(step);
}

Result<RootTree> RootTree::open(const std::string& rootfs) {
  RootTree tree(TRY(os::open(rootfs, O_PATH | O_DIRECTORY)));
  tree.device_ = TRY(os::fstat(tree.root_)).st_dev;
  return tree;
}

Result<os::UniqueFd> RootTree::find(const std::string& path) const {
  auto fd = os::open_beneath(root_, path, O_PATH);
  if (!fd && fd.error().code == Errc::kNotFound) return os::UniqueFd();
  return fd;
}

Result<void> RootTree::note_created(const os::UniqueFd& parent, const std::string& path) {
  if (TRY(os::fstat(parent)).st_dev == device_) created_.push_back(path);
  return {};
}

// Like os::mkdirs_beneath, noting what is new; the end of a dangling symlink is made, too.
Result<os::UniqueFd> RootTree::directory(const std::string& path, unsigned mode, int links) {
  os::UniqueFd at = TRY(os::open_beneath(root_, ".", O_PATH | O_DIRECTORY));
  std::string so_far;
  const std::vector<std::string> parts = split(path, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.empty() || part == ".") continue;
    const std::string parent = so_far;
    so_far += "/" + part;
    if (::mkdirat(at.get(), part.c_str(), mode) == 0)
      TRY(note_created(at, so_far));
    else if (errno != EEXIST)
      return fail(os_error("mkdir", so_far));
    auto next = os::open_beneath(root_, so_far, O_PATH | O_DIRECTORY);
    if (!next && next.error().code == Errc::kNotFound && links < kMaxLinks) {
      const std::string link = TRY(os::readlinkat(at, part));
      std::string real = starts_with(link, "/") ? link : parent + "/" + link;
      for (std::size_t rest = i + 1; rest < parts.size(); ++rest) real += "/" + parts[rest];
      return directory(real, mode, links + 1);
    }
    at = TRY(std::move(next));
  }
  return at;
}

// The place for a mount. Images are full of links whose end a step has to supply
// (/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf): the end is made then, inside.
Result<os::UniqueFd> RootTree::target(const std::string& path, bool is_directory, unsigned mode) {
  std::string place = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    os::UniqueFd there = TRY(find(place));
    if (there.valid()) return there;
    while (place.size() > 1 && place.back() == '/') place.pop_back();
    const std::size_t slash = place.rfind('/');
    const std::string parent_path = slash == std::string::npos ? "/" : place.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? place : place.substr(slash + 1);
    const os::UniqueFd parent = TRY(directory(parent_path, 0755));
    int rc = -1;
    if (is_directory) {
      rc = ::mkdirat(parent.get(), name.c_str(), mode);
    } else {
      const os::UniqueFd made(::openat(parent.get(), name.c_str(),
                                       O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644));
      if (made.valid()) rc = 0;
    }
    if (rc == 0) {
      TRY(note_created(parent, place));
      return os::open_beneath(root_, place, O_PATH | O_NOFOLLOW);
    }
    if (errno != EEXIST) return fail(os_error("create", path));
    const std::string link = TRY(os::readlinkat(parent, name));
    place = starts_with(link, "/") ? link : parent_path + link;
  }
  return fail(os_error(ELOOP, "create", path));
}

Result<void> RootTree::run(const Bind& bind) {
  const os::UniqueFd tree = TRY(clone_tree(bind.source, bind.recursive));
  TRY(set_attributes(
      tree, (bind.read_only ? MOUNT_ATTR_RDONLY : 0) | (bind.nodev ? MOUNT_ATTR_NODEV : 0)));
  const bool is_directory = S_ISDIR(TRY(os::fstat(tree)).st_mode);
  return attach(tree, TRY(target(bind.target, is_directory)), bind.target);
}

Result<void> RootTree::run(const Tmpfs& tmpfs) {
  FileSystem system = TRY(FileSystem::open("tmpfs"));
  char mode[16];
  std::snprintf(mode, sizeof mode, "%o", tmpfs.mode);
  TRY(system.set("mode", mode));
  if (tmpfs.bytes != 0) TRY(system.set("size", std::to_string(tmpfs.bytes).c_str()));
  const os::UniqueFd mount = TRY(
      system.create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (tmpfs.noexec ? MOUNT_ATTR_NOEXEC : 0)));
  return attach(mount, TRY(target(tmpfs.target, true)), tmpfs.target);
}

Result<void> RootTree::run(const Devpts& pts) {
  FileSystem system = TRY(FileSystem::open("devpts"));
  TRY(system.set("newinstance", nullptr));
  TRY(system.set("ptmxmode", "0666"));
  TRY(system.set("mode", "0620"));
  if (pts.tty_group) TRY(system.set("gid", "5"));
  const os::UniqueFd mount = TRY(system.create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  return attach(mount, TRY(target(pts.target, true)), pts.target);
}

Result<void> RootTree::run(const Symlink& link) {
  const std::size_t slash = link.link.rfind('/');
  LICHEN_ASSERT(slash != std::string::npos);
  const os::UniqueFd parent = TRY(directory(link.link.substr(0, slash + 1), 0755));
  if (::symlinkat(link.target.c_str(), parent.get(), link.link.c_str() + slash + 1) == 0)
    return note_created(parent, link.link);
  if (errno == EEXIST) return {};
  return fail(os_error("symlink", link.link));
}

Result<void> RootTree::run(const Mask& mask) {
  const os::UniqueFd place = TRY(find(mask.target));
  if (!place.valid()) return {};
  if (!S_ISDIR(TRY(os::fstat(place)).st_mode))
    return attach(TRY(clone_tree("/dev/null", false)), place, mask.target);
  FileSystem empty = TRY(FileSystem::open("tmpfs"));
  TRY(empty.set("size", "4k"));
  TRY(empty.set("mode", "555"));
  const os::UniqueFd mount = TRY(
      empty.create(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  return attach(mount, place, mask.target);
}

Result<void> RootTree::run(const ReadOnly& path) {
  const os::UniqueFd place = TRY(find(path.target));
  if (!place.valid()) return {};
  const os::UniqueFd tree(::open_tree(
      place.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!tree.valid()) return fail(mount_error("bind", path.target));
  TRY(set_attributes(tree, MOUNT_ATTR_RDONLY));
  return attach(tree, place, path.target);
}

Result<void> RootTree::attach_fresh(const os::UniqueFd& mount, const std::string& path) {
  LICHEN_ASSERT(mount.valid());
  return attach(mount, TRY(target(path, true)), path);
}

Result<void> RootTree::apply(const Step& step, const FreshMounts& fresh) {
  return std::visit(
      [&](const auto& what) -> Result<void> {
        using T = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<T, Proc>) {
          if (what.host) return run(Bind{.source = "/proc", .target = what.target});
          return attach_fresh(fresh.proc, what.target);
        } else if constexpr (std::is_same_v<T, Sysfs>) {
          return attach_fresh(fresh.sysfs, what.target);
        } else if constexpr (std::is_same_v<T, Console>) {
          LICHEN_ASSERT(fresh.terminal.valid());
          return run(Bind{.source = TRY(path_here(fresh.terminal)), .target = what.target});
        } else if constexpr (std::is_same_v<T, Mqueue>) {
          return attach_fresh(fresh.mqueue, what.target);
        } else if constexpr (std::is_same_v<T, Directory>) {
          TRY(target(what.target, true, what.mode));
          return {};
        } else if constexpr (std::is_same_v<T, EmptyFile>) {
          TRY(target(what.target, false));
          return {};
        } else {
          return run(what);
        }
      },
      step);
}

Result<void> RootTree::pivot() {
  if (::fchdir(root_.get()) < 0) return fail(os_error("chdir", "root file system"));
  // The old root ends up mounted on top of the new one, and goes; pivot_root(2) describes it.
  if (::syscall(SYS_pivot_root, ".", ".") < 0) {
    Error error = os_error("pivot_root", "");
    if (error.os_errno == EINVAL)
      error.hint = "the root file system must be a mount point, and the host's root not a ramfs";
    return fail(std::move(error));
  }
  if (::umount2(".", MNT_DETACH) < 0) return fail(os_error("unmount", "old root"));
  if (::chdir("/") < 0) return fail(os_error("chdir", "/"));
  root_.reset();
  return {};
}

}  // namespace lichen::sandbox
