// Calls every system call that lichen intercepts, with good and bad arguments, and prints what came
// back: one line a call, the same on every run. tests/integration/syscalls.sh compares the output
// of a step at each tier with what real root got in a chroot (tests/support/syscalls/).
//
//   syscalls DIR root|user|thread|vfork|seccomp
//
// DIR is emptied before every call that could change it. No libc wrapper that decides anything is
// used: syscall(2) only.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char* root;  // DIR
static char long_name[300], long_path[5000], deep_path[3000];

// ---- what every call finds ----------------------------------------------------------------------

static void must(int rc, const char* what) {
  if (rc >= 0) return;
  printf("fixture: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void put(const char* path, int mode) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
  must(fd, path);
  must((int)write(fd, "text\n", 5), path);
  close(fd);
  must(chmod(path, (mode_t)mode), path);
}

static void empty(int directory) {
  DIR* list = fdopendir(directory);
  if (list == NULL) return;
  for (struct dirent* entry; (entry = readdir(list)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (unlinkat(dirfd(list), entry->d_name, 0) == 0) continue;
    fchmodat(dirfd(list), entry->d_name, 0700, 0);
    empty(openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    must(unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR), entry->d_name);
  }
  closedir(list);
}

static void clear(void) {
  const int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(directory, root);
  empty(directory);
}

static void fixture(void) {
  clear();
  umask(0);
  must(chdir(root), root);
  must(mkdir("dir", 0755), "dir");
  must(mkdir("sticky", 01777), "sticky");
  must(chmod("sticky", 01777), "sticky");
  must(mkdir("closed", 0700), "closed");
  must(mkdir("setgid", 0777), "setgid");
  must(chown("setgid", 0, 50), "setgid");
  must(chmod("setgid", 02777), "setgid");
  put("file", 0644);
  put("dir/inner", 0644);
  put("secret", 0600);
  put("closed/in", 0644);
  put("sticky/other", 0666);
  put("suid", 0755);
  must(chown("suid", 33, 34), "suid");
  must(chmod("suid", 06755), "suid");
  put("script", 0755);
  must(symlink("target", "dangling"), "dangling");
  must(symlink("loop2", "loop"), "loop");
  must(symlink("loop", "loop2"), "loop2");
  char path[400];
  snprintf(path, sizeof path, "%s/file", root);
  must(symlink(path, "abslink"), "abslink");
  must(symlink("dir/../file", "uplink"), "uplink");
  must(symlink("dir", "dirlink"), "dirlink");
  must(link("secret", "hard"), "hard");
  must(mkfifo("fifo", 0644), "fifo");
  umask(022);
}

// ---- printing -----------------------------------------------------------------------------------

static const char* context_name = "";
static const char* error_name(int number) {
  const char* name = strerrorname_np(number);
  return name ? name : "?";
}

__attribute__((format(printf, 2, 3))) static void say(long rc, const char* format, ...) {
  const int number = errno;
  char text[600];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (rc < 0)
    printf("%s %s = %s\n", context_name, text, error_name(number));
  else
    printf("%s %s = %s\n", context_name, text, "ok");
}

// The file as it is now, without what differs between runs.
static void show(const char* path) {
  struct stat status;
  if (syscall(SYS_newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    printf("%s   %s: %s\n", context_name, path, error_name(errno));
    return;
  }
  const int is_directory = S_ISDIR(status.st_mode);
  printf("%s   %s: %o %u:%u links %ld size %ld dev %u:%u\n", context_name, path, status.st_mode,
         status.st_uid, status.st_gid, is_directory ? 0L : (long)status.st_nlink,
         is_directory ? 0L : (long)status.st_size, major(status.st_rdev), minor(status.st_rdev));
}

// ---- paths and directories ----------------------------------------------------------------------

struct path {
  const char* label;
  const char* text;  // "@/x": beneath DIR
};
static struct path paths[] = {
    {"file", "file"},
    {"abs", "@/file"},
    {"dir", "dir"},
    {"dir/", "dir/"},
    {"dir//.", "dir//."},
    {"file/", "file/"},
    {"file/x", "file/x"},
    {"missing", "missing"},
    {"missing/", "missing/"},
    {"missing/x", "missing/x"},
    {"dangling", "dangling"},
    {"dangling/", "dangling/"},
    {"loop", "loop"},
    {"loop/x", "loop/x"},
    {"abslink", "abslink"},
    {"uplink", "uplink"},
    {"dirlink", "dirlink"},
    {"dirlink/", "dirlink/"},
    {"dirlink/inner", "dirlink/inner"},
    {"dir/../file", "dir/../file"},
    {"dirlink/../file", "dirlink/../file"},
    {"closed/in", "closed/in"},
    {"sticky/other", "sticky/other"},
    {"secret", "secret"},
    {"suid", "suid"},
    {"hard", "hard"},
    {"fifo", "fifo"},
    {"empty", ""},
    {"dot", "."},
    {"dotdot", ".."},
    {"slash", "/"},
    {"longname", long_name},
    {"longpath", long_path},
    {"deep", deep_path},
    {"null", NULL},
    {"bad", (const char*)8},
};

static const char* expand(const char* text, char* buffer, size_t bytes) {
  if (text == NULL || text == (const char*)8 || text[0] != '@') return text;
  snprintf(buffer, bytes, "%s%s", root, text + 1);
  return buffer;
}

enum directory { kHere, kFd, kPathFd, kFileFd, kBadFd, kDirectories };
static const char* const directory_names[] = {"cwd", "fd", "opath", "filefd", "badfd"};

static int open_directory(enum directory which) {
  switch (which) {
    case kHere:
      return AT_FDCWD;
    case kFd:
      return open(root, O_RDONLY | O_DIRECTORY);
    case kPathFd:
      return open(root, O_PATH | O_DIRECTORY);
    case kFileFd: {
      char path[400];
      snprintf(path, sizeof path, "%s/file", root);
      return open(path, O_RDONLY);
    }
    default:
      return 999;
  }
}

// ---- the calls ----------------------------------------------------------------------------------

struct call {
  const char* name;
  int changes;  // wants a new fixture
  long (*run)(int dirfd, const char* path);
};

static struct stat seen;
static long do_stat(int d, const char* p) {
  return syscall(SYS_newfstatat, d, p, &seen, 0);
}
static long do_lstat(int d, const char* p) {
  return syscall(SYS_newfstatat, d, p, &seen, AT_SYMLINK_NOFOLLOW);
}
static long do_stat_empty(int d, const char* p) {
  return syscall(SYS_newfstatat, d, p, &seen, AT_EMPTY_PATH);
}
static long do_stat_flags(int d, const char* p) {
  return syscall(SYS_newfstatat, d, p, &seen, 0x40000000);
}
static long do_statx(int d, const char* p) {
  struct statx status;
  return syscall(SYS_statx, d, p, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status);
}
static long do_stat_fault(int d, const char* p) {
  return syscall(SYS_newfstatat, d, p, (void*)8, 0);
}
static long closing(long fd) {
  const int number = errno;
  if (fd >= 0) close((int)fd);
  errno = number;
  return fd;
}
#define OPENER(name, flags)                                   \
  static long name(int d, const char* p) {                    \
    return closing(syscall(SYS_openat, d, p, (flags), 0640)); \
  }
OPENER(do_open, O_RDONLY | O_NONBLOCK)
OPENER(do_open_w, O_WRONLY | O_NONBLOCK)
OPENER(do_open_trunc, O_RDWR | O_TRUNC | O_NONBLOCK)
OPENER(do_open_dir, O_RDONLY | O_DIRECTORY)
OPENER(do_open_nofollow, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
OPENER(do_open_path, O_PATH)
OPENER(do_open_path_nofollow, O_PATH | O_NOFOLLOW)
OPENER(do_open_creat, O_WRONLY | O_CREAT | O_NONBLOCK)
OPENER(do_open_excl, O_WRONLY | O_CREAT | O_EXCL)
OPENER(do_open_creat_dir, O_RDONLY | O_CREAT | O_DIRECTORY)
OPENER(do_open_tmpfile, O_RDWR | O_TMPFILE)
static long do_access_r(int d, const char* p) {
  return syscall(SYS_faccessat, d, p, R_OK);
}
static long do_access_w(int d, const char* p) {
  return syscall(SYS_faccessat, d, p, W_OK);
}
static long do_access_x(int d, const char* p) {
  return syscall(SYS_faccessat, d, p, X_OK);
}
static long do_access_f(int d, const char* p) {
  return syscall(SYS_faccessat, d, p, F_OK);
}
static long do_readlink(int d, const char* p) {
  char buffer[100];
  return syscall(SYS_readlinkat, d, p, buffer, sizeof buffer);
}
static long do_mkdir(int d, const char* p) {
  return syscall(SYS_mkdirat, d, p, 01775);
}
static long do_mkfifo(int d, const char* p) {
  return syscall(SYS_mknodat, d, p, S_IFIFO | 0644, 0);
}
static long do_mknod(int d, const char* p) {
  return syscall(SYS_mknodat, d, p, S_IFCHR | 0644, makedev(1, 3));
}
static long do_unlink(int d, const char* p) {
  return syscall(SYS_unlinkat, d, p, 0);
}
static long do_rmdir(int d, const char* p) {
  return syscall(SYS_unlinkat, d, p, AT_REMOVEDIR);
}
static long do_symlink(int d, const char* p) {
  return syscall(SYS_symlinkat, "to", d, p);
}
static long do_link_from(int d, const char* p) {
  return syscall(SYS_linkat, d, p, AT_FDCWD, "new", 0);
}
static long do_link_follow(int d, const char* p) {
  return syscall(SYS_linkat, d, p, AT_FDCWD, "new", AT_SYMLINK_FOLLOW);
}
static long do_link_to(int d, const char* p) {
  return syscall(SYS_linkat, AT_FDCWD, "file", d, p, 0);
}
static long do_rename_from(int d, const char* p) {
  return syscall(SYS_renameat2, d, p, AT_FDCWD, "new", 0);
}
static long do_rename_to(int d, const char* p) {
  return syscall(SYS_renameat2, AT_FDCWD, "file", d, p, 0);
}
static long do_rename_noreplace(int d, const char* p) {
  return syscall(SYS_renameat2, AT_FDCWD, "file", d, p, 1);
}
static long do_rename_exchange(int d, const char* p) {
  return syscall(SYS_renameat2, AT_FDCWD, "file", d, p, 2);
}
static long do_rename_dir(int d, const char* p) {
  return syscall(SYS_renameat2, AT_FDCWD, "dir", d, p, 0);
}
static long do_chmod(int d, const char* p) {
  return syscall(SYS_fchmodat, d, p, 04711);
}
static long do_chown(int d, const char* p) {
  return syscall(SYS_fchownat, d, p, 12, 34, 0);
}
static long do_lchown(int d, const char* p) {
  return syscall(SYS_fchownat, d, p, 12, -1, AT_SYMLINK_NOFOLLOW);
}
static long do_chown_same(int d, const char* p) {
  return syscall(SYS_fchownat, d, p, -1, -1, 0);
}
static long do_chown_flags(int d, const char* p) {
  return syscall(SYS_fchownat, d, p, 1, 1, 0x40);
}
static long do_utime(int d, const char* p) {
  const struct timespec times[2] = {{100, 5}, {200, 7}};
  return syscall(SYS_utimensat, d, p, times, AT_SYMLINK_NOFOLLOW);
}
static long do_utime_now(int d, const char* p) {
  return syscall(SYS_utimensat, d, p, NULL, 0);
}

static const struct call calls[] = {
    {"stat", 0, do_stat},
    {"lstat", 0, do_lstat},
    {"stat,empty", 0, do_stat_empty},
    {"stat,flags", 0, do_stat_flags},
    {"stat,fault", 0, do_stat_fault},
    {"statx", 0, do_statx},
    {"open", 0, do_open},
    {"open,w", 0, do_open_w},
    {"open,trunc", 1, do_open_trunc},
    {"open,dir", 0, do_open_dir},
    {"open,nofollow", 0, do_open_nofollow},
    {"open,path", 0, do_open_path},
    {"open,path,nofollow", 0, do_open_path_nofollow},
    {"open,creat", 1, do_open_creat},
    {"open,excl", 1, do_open_excl},
    {"open,creat,dir", 1, do_open_creat_dir},
    {"open,tmpfile", 0, do_open_tmpfile},
    {"access,r", 0, do_access_r},
    {"access,w", 0, do_access_w},
    {"access,x", 0, do_access_x},
    {"access,f", 0, do_access_f},
    {"readlink", 0, do_readlink},
    {"mkdir", 1, do_mkdir},
    {"mkfifo", 1, do_mkfifo},
    {"mknod", 1, do_mknod},
    {"unlink", 1, do_unlink},
    {"rmdir", 1, do_rmdir},
    {"symlink", 1, do_symlink},
    {"link,from", 1, do_link_from},
    {"link,follow", 1, do_link_follow},
    {"link,to", 1, do_link_to},
    {"rename,from", 1, do_rename_from},
    {"rename,to", 1, do_rename_to},
    {"rename,noreplace", 1, do_rename_noreplace},
    {"rename,exchange", 1, do_rename_exchange},
    {"rename,dir", 1, do_rename_dir},
    {"chmod", 1, do_chmod},
    {"chown", 1, do_chown},
    {"lchown", 1, do_lchown},
    {"chown,same", 1, do_chown_same},
    {"chown,flags", 1, do_chown_flags},
    {"utime", 1, do_utime},
    {"utime,now", 1, do_utime_now},
};

// Calls with a path and no directory.
static long do_truncate(int d, const char* p) {
  (void)d;
  return syscall(SYS_truncate, p, 3);
}
static long do_truncate_negative(int d, const char* p) {
  (void)d;
  return syscall(SYS_truncate, p, -1L);
}
static long do_statfs(int d, const char* p) {
  (void)d;
  struct statfs status;
  return syscall(SYS_statfs, p, &status);
}
static long do_chdir(int d, const char* p) {
  (void)d;
  const long rc = syscall(SYS_chdir, p);
  const int number = errno;
  if (chdir(root) < 0) exit(1);
  errno = number;
  return rc;
}
static long do_watch(int d, const char* p) {
  (void)d;
  const int fd = inotify_init1(IN_CLOEXEC);
  const long rc = syscall(SYS_inotify_add_watch, fd, p, IN_MODIFY);
  closing(fd);
  return rc;
}
static long do_setxattr(int d, const char* p) {
  (void)d;
  return syscall(SYS_setxattr, p, "user.k", "v", 1, 0);
}
static long do_lsetxattr(int d, const char* p) {
  (void)d;
  return syscall(SYS_lsetxattr, p, "user.k", "v", 1, 0);
}
static long do_setxattr_replace(int d, const char* p) {
  (void)d;
  return syscall(SYS_setxattr, p, "user.k", "v", 1, 2);
}
static long do_getxattr(int d, const char* p) {
  (void)d;
  char b[8];
  return syscall(SYS_getxattr, p, "user.k", b, 8);
}
static long do_lgetxattr(int d, const char* p) {
  (void)d;
  char b[8];
  return syscall(SYS_lgetxattr, p, "user.k", b, 8);
}
static long do_removexattr(int d, const char* p) {
  (void)d;
  return syscall(SYS_removexattr, p, "user.k");
}
static long do_getcap(int d, const char* p) {
  (void)d;
  char b[24];
  return syscall(SYS_getxattr, p, "security.capability", b, 24);
}
static long do_exec(int d, const char* p) {
  (void)d;
  char* arguments[] = {(char*)"x", NULL};
  char* none[] = {NULL};
  // "text\n" is no program: ENOEXEC, if it is executable.
  return syscall(SYS_execve, p, arguments, none);
}
static long unix_call(const char* p, int is_bind) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (p == NULL || p == (const char*)8 || strlen(p) > sizeof address.sun_path - 1) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, p);
  const socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(p) + 1);
  if (p[0] == 0) {
    errno = EINVAL;
    return -1;
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const long rc = syscall(is_bind ? SYS_bind : SYS_connect, fd, &address, bytes);
  closing(fd);
  return rc;
}
static long do_bind(int d, const char* p) {
  (void)d;
  return unix_call(p, 1);
}
static long do_connect(int d, const char* p) {
  (void)d;
  return unix_call(p, 0);
}

static const struct call plain_calls[] = {
    {"truncate", 1, do_truncate},
    {"truncate,negative", 0, do_truncate_negative},
    {"statfs", 0, do_statfs},
    {"chdir", 0, do_chdir},
    {"inotify", 0, do_watch},
    {"setxattr", 1, do_setxattr},
    {"lsetxattr", 1, do_lsetxattr},
    {"setxattr,replace", 1, do_setxattr_replace},
    {"getxattr", 0, do_getxattr},
    {"lgetxattr", 0, do_lgetxattr},
    {"removexattr", 1, do_removexattr},
    {"getcap", 0, do_getcap},
    {"exec", 0, do_exec},
    {"bind", 1, do_bind},
    {"connect", 0, do_connect},
};

static int dirty = 1;  // a call has changed what fixture() made
static void fixture_again(void) {
  if (dirty) fixture();
  dirty = 0;
}

static uid_t become = 0;  // who calls; the fixture is always made by root

// In a child, so that what a call does to the process does not last.
static void one(const struct call* call, enum directory which, const struct path* path) {
  fflush(stdout);
  char buffer[400];
  const char* text = expand(path->text, buffer, sizeof buffer);
  const int dirfd = open_directory(which);
  if (become != 0) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (syscall(SYS_setgroups, 0, NULL) < 0 ||
          syscall(SYS_setresgid, become, become, become) < 0 ||
          syscall(SYS_setresuid, become, become, become) < 0) {
        printf("cannot become %u\n", become);
        _exit(1);
      }
      const long rc = call->run(dirfd, text);
      say(rc, "%s(%s, %s)", call->name, directory_names[which], path->label);
      fflush(stdout);
      _exit(rc >= 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    dirty = status == 0;
  } else {
    const long rc = call->run(dirfd, text);
    say(rc, "%s(%s, %s)", call->name, directory_names[which], path->label);
    dirty = rc >= 0;
  }
  if (dirfd >= 0 && dirfd != 999) close(dirfd);
  dirty = dirty && call->changes;
  if (!dirty) return;
  static const char* const shown[] = {"file", "new",       "target", "suid",
                                      "hard", "dir/inner", "missing"};
  for (size_t i = 0; i < COUNT(shown); ++i) {
    struct stat status;
    if (lstat(shown[i], &status) == 0) show(shown[i]);
  }
}

static void all_calls(int few) {
  for (size_t c = 0; c < COUNT(calls); ++c) {
    dirty = 1;
    for (size_t p = 0; p < COUNT(paths); ++p) {
      for (int d = 0; d < kDirectories; ++d) {
        if (few && (d != kHere && p > 3)) continue;
        if (d > kFd && p > 4 && p < 27) continue;  // says no more about the directory
        fixture_again();
        one(&calls[c], (enum directory)d, &paths[p]);
      }
    }
  }
  for (size_t c = 0; c < COUNT(plain_calls); ++c) {
    dirty = 1;
    for (size_t p = 0; p < COUNT(paths); ++p) {
      fixture_again();
      one(&plain_calls[c], kHere, &paths[p]);
    }
  }
}

// ---- calls without a path -----------------------------------------------------------------------

static void ids(const char* when) {
  uid_t r, e, s;
  gid_t rg, eg, sg;
  gid_t groups[32];
  must((int)syscall(SYS_getresuid, &r, &e, &s), "getresuid");
  must((int)syscall(SYS_getresgid, &rg, &eg, &sg), "getresgid");
  const long count = syscall(SYS_getgroups, 32, groups);
  printf("%s ids %s: %u %u %u  %u %u %u  groups", context_name, when, r, e, s, rg, eg, sg);
  for (long i = 0; i < count; ++i) printf(" %u", groups[i]);
  printf("  (%ld %ld %ld %ld)\n", syscall(SYS_getuid), syscall(SYS_geteuid), syscall(SYS_getgid),
         syscall(SYS_getegid));
}

static void in_child(void (*body)(void)) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    body();
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) printf("%s child ended with %x\n", context_name, (unsigned)status);
}

static void drop_and_return(void) {
  const gid_t groups[] = {7, 3, 5};
  say(syscall(SYS_setgroups, 3, groups), "setgroups(3)");
  say(syscall(SYS_setresgid, 100, 200, 300), "setresgid");
  say(syscall(SYS_setresuid, 1000, 1000, 0), "setresuid(1000,1000,0)");
  ids("dropped, saved 0");
  say(syscall(SYS_setgroups, 0, NULL), "setgroups(0)");
  say(syscall(SYS_setuid, 500), "setuid(500)");
  say(syscall(SYS_setresuid, -1, 0, -1), "setresuid(-1,0,-1)");
  ids("back");
  say(syscall(SYS_setuid, 1234), "setuid(1234)");
  say(syscall(SYS_setuid, 0), "setuid(0)");
  say(syscall(SYS_setreuid, -1, 0), "setreuid(-1,0)");
  say(syscall(SYS_setregid, 100, 300), "setregid(100,300)");
  ids("gone");
}
static void keep_capabilities(void) {
  say(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps");
  say(syscall(SYS_setresuid, 1000, 1000, 1000), "setresuid");
  say(syscall(SYS_chown, "file", 5, 5), "chown without effective capabilities");
  struct {
    unsigned version;
    int pid;
  } header = {0x20080522, 0};
  unsigned data[6] = {0};
  say(syscall(SYS_capget, &header, data), "capget");
  printf("%s   permitted has chown: %d, effective %d\n", context_name, data[1] & 1, data[0] & 1);
  data[0] = 1;
  say(syscall(SYS_capset, &header, data), "capset");
  say(syscall(SYS_chown, "file", 5, 5), "chown with CAP_CHOWN");
  data[1] = data[0] = 0;
  say(syscall(SYS_capset, &header, data), "capset nothing");
  data[1] = 1;
  say(syscall(SYS_capset, &header, data), "capset more than permitted");
}
static void descriptors(void) {
  const int fd = open("suid", O_RDONLY | O_CLOEXEC);
  say(syscall(SYS_fchmod, fd, 02755), "fchmod");
  show("suid");
  say(syscall(SYS_fchown, fd, 40, 41), "fchown");
  show("suid");
  say(syscall(SYS_fchown, 999, 40, 41), "fchown(bad)");
  say(syscall(SYS_fstat, fd, &seen), "fstat");
  printf("%s   %o %u:%u\n", context_name, seen.st_mode, seen.st_uid, seen.st_gid);
  say(syscall(SYS_fstat, 999, &seen), "fstat(bad)");
  const struct timespec times[2] = {{100, 5}, {200, 7}};
  say(syscall(SYS_utimensat, fd, NULL, times, 0), "utimensat(fd)");
  say(syscall(SYS_fsetxattr, fd, "user.k", "v", 1, 0), "fsetxattr");
  char names[200];
  const long bytes = syscall(SYS_flistxattr, fd, names, sizeof names);
  say(bytes, "flistxattr");
  printf("%s   %ld bytes\n", context_name, bytes);
  say(syscall(SYS_newfstatat, fd, "", &seen, AT_EMPTY_PATH), "fstatat(fd, empty)");
  printf("%s   mtime %ld.%ld\n", context_name, (long)seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec);
  say(syscall(SYS_linkat, fd, "", AT_FDCWD, "new", AT_EMPTY_PATH), "linkat(fd, empty)");
  const int path_fd = open("file", O_PATH | O_CLOEXEC);
  say(syscall(SYS_fchmod, path_fd, 0700), "fchmod(O_PATH)");
  say(syscall(SYS_fchownat, path_fd, "", 8, 9, AT_EMPTY_PATH), "fchownat(O_PATH, empty)");
  show("file");
  char self[60];
  snprintf(self, sizeof self, "/proc/self/fd/%d", path_fd);
  say(syscall(SYS_chmod, self, 0711), "chmod(/proc/self/fd/N)");
  show("file");
  const int again = (int)syscall(SYS_openat, AT_FDCWD, self, O_RDWR, 0);
  say(again, "open(/proc/self/fd/N)");
  say(syscall(SYS_ftruncate, again, 1), "ftruncate");
  show("file");
  const int unnamed = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
  say(unnamed, "O_TMPFILE");
  snprintf(self, sizeof self, "/proc/self/fd/%d", unnamed);
  say(syscall(SYS_linkat, AT_FDCWD, self, AT_FDCWD, "new2", AT_SYMLINK_FOLLOW), "linkat(tmpfile)");
  show("new2");
  char here[300];
  const long length = syscall(SYS_getcwd, here, sizeof here);
  printf("%s getcwd %ld %s\n", context_name, length - (long)strlen(root),
         length > 0 && strcmp(here, root) == 0 ? "right" : "wrong");
  say(syscall(SYS_getcwd, here, 2L), "getcwd(2 bytes)");
  say(syscall(SYS_umask, 027), "umask");
  closing(open("target", O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
  show("target");
  must(mkdir("setgid/new", 0755), "setgid/new");
  show("setgid/new");
}
static void devices(void) {
  say(syscall(SYS_mknodat, AT_FDCWD, "new", S_IFCHR | 0666, makedev(1, 3)), "mknod null");
  show("new");
  say(syscall(SYS_mknodat, AT_FDCWD, "new2", S_IFBLK | 0600, makedev(7, 200)), "mknod block");
  show("new2");
  const int fd = open("new", O_WRONLY | O_CLOEXEC);
  say(fd, "open null");
  say(write(fd, "x", 1), "write null");
  show("new");
  say(syscall(SYS_mknodat, AT_FDCWD, "target", S_IFSOCK | 0600, 0), "mknod socket");
  show("target");
}
static void sockets(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "bound"}, peer = {0};
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  say(syscall(SYS_bind, server, &address, sizeof address), "bind");
  show("bound");
  say(listen(server, 1), "listen");
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  say(syscall(SYS_connect, client, &address, sizeof address), "connect");
  socklen_t bytes = sizeof peer;
  say(syscall(SYS_getpeername, client, &peer, &bytes), "getpeername");
  printf("%s   %u bytes, %s\n", context_name, bytes, peer.sun_path);
  bytes = sizeof peer;
  memset(&peer, 0, sizeof peer);
  say(syscall(SYS_getsockname, server, &peer, &bytes), "getsockname");
  printf("%s   %u bytes, %s\n", context_name, bytes, peer.sun_path);
  struct ucred credentials;
  bytes = sizeof credentials;
  say(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes), "SO_PEERCRED");
  printf("%s   %u:%u\n", context_name, credentials.uid, credentials.gid);
  say(syscall(SYS_bind, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &address, sizeof address),
      "bind again");
}

static void without_paths(void) {
  static void (*const bodies[])(void) = {drop_and_return, keep_capabilities, descriptors, devices,
                                         sockets};
  for (size_t i = 0; i < COUNT(bodies); ++i) {
    fixture();
    in_child(bodies[i]);
  }
}

// ---- contexts -----------------------------------------------------------------------------------

static void* in_thread(void* unused) {
  (void)unused;
  all_calls(1);
  return NULL;
}

// The call is made between vfork and exec, in the parent's memory.
static void after_vfork(void) {
  fixture();
  const pid_t pid = vfork();
  if (pid == 0) {
    syscall(SYS_fchownat, AT_FDCWD, "file", 70, 71, 0);
    syscall(SYS_mkdirat, AT_FDCWD, "new", 0750);
    _exit(syscall(SYS_newfstatat, AT_FDCWD, "file", &seen, 0) == 0 && seen.st_uid == 70 ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%s vfork child %d\n", context_name, status);
  show("file");
  show("new");
}

static void own_filter(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmodat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {COUNT(filter), filter};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
  fixture();
  say(syscall(SYS_fchmodat, AT_FDCWD, "file", 0700), "chmod, filtered by the program");
  say(syscall(SYS_fchownat, AT_FDCWD, "file", 70, 71, 0), "chown");
  show("file");
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  root = argv[1];
  context_name = argv[2];
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  memset(long_name, 'n', 256);
  memset(long_path, 'p', sizeof long_path - 1);
  for (size_t i = 0; i + 4 < sizeof deep_path; i += 4) memcpy(deep_path + i, "dir/", 4);
  for (size_t i = 0; i + 6 < sizeof deep_path; i += 6) memcpy(deep_path + i, "./././", 6);
  strcpy(deep_path + sizeof deep_path - 8, "/file");
  umask(0);
  mkdir(root, 0755);
  if (strcmp(argv[2], "root") == 0) {
    all_calls(0);
    without_paths();
  } else if (strcmp(argv[2], "user") == 0) {
    become = 1000;
    all_calls(1);
  } else if (strcmp(argv[2], "thread") == 0) {
    pthread_t thread;
    must(-pthread_create(&thread, NULL, in_thread, NULL), "pthread_create");
    pthread_join(thread, NULL);
  } else if (strcmp(argv[2], "vfork") == 0) {
    after_vfork();
  } else if (strcmp(argv[2], "seccomp") == 0) {
    in_child(own_filter);
  } else {
    return 2;
  }
  clear();
  return 0;
}
