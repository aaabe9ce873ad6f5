// Making another root or another mount out of what can be reached, to see the host in it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "escapes.h"

static const char kNoNamespaces[] = "this user can have no user namespace";

// A step may be root already, and still take a namespace of its own.
static int more_power(void) {
  if (on_host()) return become_root();
  unshare(CLONE_NEWNS);
  return 0;
}

static const char* by_chroot(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  work_in("chroot");
  mkdir("in", 0755);
  const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (chroot("in") != 0 || fchdir(here) != 0) return STOPPED;
  for (int i = 0; i < 60; ++i)
    if (chdir("..") != 0) break;
  if (file_tells(secret() + 1)) return ESCAPED;
  return verdict(chroot(".") == 0 && file_tells(secret()));
}

static const char* by_new_chroot(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  const char* const roots[] = {"/proc/1/root", "/proc/self/root/..", "/..", host_directory()};
  const int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < sizeof roots / sizeof *roots; ++i) {
    if (chroot(roots[i]) != 0) continue;
    if (file_tells(secret()) || file_tells("/secret")) return ESCAPED;
    if (fchdir(here) != 0 || chroot(".") != 0) break;
  }
  return STOPPED;
}

static const char* by_pivot_root(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  work_in("pivot");
  mkdir("new", 0755);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (mount("none", "new", "tmpfs", 0, NULL) != 0) return STOPPED;
  mkdir("new/old", 0755);
  if (syscall(SYS_pivot_root, "new", "new/old") != 0) return STOPPED;
  if (file_tells(joined("/old", secret()))) return ESCAPED;
  umount2("/old", MNT_DETACH);
  return verdict(file_tells(joined("/old", secret())) || file_tells(secret()));
}

static const char* by_unmount(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  const char* const places[] = {
      "/", "/proc", "/sys", "/dev", "/dev/shm", "/etc/resolv.conf", "/etc/hosts"};
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    while (umount2(places[i], MNT_DETACH) == 0)
      if (file_tells(secret())) return ESCAPED;
  }
  return verdict(file_tells(secret()) || file_tells(joined("/..", secret())));
}

static const char* by_mount(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  work_in("mount");
  mkdir("at", 0755);
  put("file", "", 0644);
  if (mount(secret(), "file", NULL, MS_BIND, NULL) == 0 && file_tells("file")) return ESCAPED;
  const char* const sources[] = {host_directory(), joined("/proc/1/root", host_directory()),
                                 joined("/proc/self/root/..", host_directory())};
  for (int i = 0; i < 3; ++i)
    if (mount(sources[i], "at", NULL, MS_BIND | MS_REC, NULL) == 0 && file_tells("at/secret"))
      return ESCAPED;
  char options[600];
  snprintf(options, sizeof options, "lowerdir=%s:/proc", host_directory());
  if (mount("none", "at", "overlay", 0, options) == 0 && file_tells("at/secret")) return ESCAPED;
  if (mount("none", "at", "proc", 0, NULL) == 0 && file_tells(joined("at/1/root", secret())))
    return ESCAPED;
  return STOPPED;
}

static const char* by_fsopen(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  work_in("overlay");
  const int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (context < 0) return STOPPED;
  char lower[600];
  snprintf(lower, sizeof lower, "%s:%s", host_directory(), on_host() ? fact("work") : "/work");
  syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir", lower, 0);
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) return STOPPED;
  const int made = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  return verdict(file_at_tells(made, "secret"));
}

static const char* by_open_tree(void) {
  if (more_power() != 0) return not_here(kNoNamespaces);
  work_in("tree");
  mkdir("at", 0755);
  const unsigned clone = OPEN_TREE_CLONE | AT_RECURSIVE;
  const int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", clone);
  if (file_at_tells(tree, secret() + 1) || file_at_tells(tree, joined("..", secret())))
    return ESCAPED;
  if (tree >= 0 &&
      syscall(SYS_move_mount, tree, "", AT_FDCWD, "at", MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
      (file_tells(joined("at/..", secret())) || file_tells(joined("at", secret()))))
    return ESCAPED;
  return verdict(
      file_at_tells((int)syscall(SYS_open_tree, AT_FDCWD, host_directory(), 0), "secret"));
}

static const char* by_namespace(void) {
  const char* const kinds[] = {"user", "mnt", "pid"};
  char path[60];
  FOR_OTHERS(pid) {
    for (int i = 0; i < 3; ++i) {
      snprintf(path, sizeof path, "/proc/%d/ns/%s", *at_, kinds[i]);
      const int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd >= 0 && setns(fd, 0) == 0 && file_tells(secret())) return ESCAPED;
      if (fd >= 0) close(fd);
    }
    const int pidfd = (int)syscall(SYS_pidfd_open, *at_, 0);
    if (pidfd >= 0 && setns(pidfd, CLONE_NEWNS) == 0 && file_tells(secret())) return ESCAPED;
    if (pidfd >= 0) close(pidfd);
  }
  return STOPPED;
}

static const char* by_new_user_namespace(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return STOPPED;
  work_in("userns");
  mkdir("at", 0755);
  return verdict(file_tells(secret()) || (mount(host_directory(), "at", NULL, MS_BIND, NULL) == 0 &&
                                          file_tells("at/secret")));
}

// The disk that the host's file is on.
static const char* by_disk(void) {
  work_in("disk");
  const dev_t device = makedev((unsigned)fact_number("major"), (unsigned)fact_number("minor"));
  mknod("disk", S_IFBLK | 0666, device);
  int fd = open("disk", O_RDONLY | O_CLOEXEC);
  char byte;
  if (fd >= 0 && read(fd, &byte, 1) == 1) return ESCAPED;
  // Memory and ports.
  mknod("mem", S_IFCHR | 0666, makedev(1, 1));
  mknod("kmsg", S_IFCHR | 0666, makedev(1, 11));
  fd = open("mem", O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && read(fd, &byte, 1) == 1) return ESCAPED;
  fd = open("kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char record[2000];
  return verdict(fd >= 0 && read(fd, record, sizeof record) > 0);
}

const struct Attempt mount_attempts[] = {
    {"mount_chroot", by_chroot, NULL},
    {"mount_new_chroot", by_new_chroot, NULL},
    {"mount_pivot_root", by_pivot_root, NULL},
    {"mount_unmount", by_unmount, NULL},
    {"mount_bind", by_mount, NULL},
    {"mount_fsopen", by_fsopen, NULL},
    {"mount_open_tree", by_open_tree, NULL},
    {"mount_setns", by_namespace, "a namespace of others takes CAP_SYS_ADMIN there"},
    {"mount_user_namespace", by_new_user_namespace, NULL},
    {"mount_disk", by_disk, "users make no devices"},
    {0},
};
