// Reading, running and changing a file of the host.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "escapes.h"

#define UP "../../../../../../../../../../../../../../../../../../../../.."

static const char* by_path(void) {
  return verdict(file_tells(secret()));
}
static const char* by_proc_1_root(void) {
  return verdict(file_tells(joined("/proc/1/root", secret())));
}
static const char* by_proc_self_root(void) {
  return verdict(file_tells(joined("/proc/self/root", secret())) ||
                 file_tells(joined("/proc/thread-self/root", secret())));
}

// What follows /proc/PID of every process that is not ours.
static int any_process_tells(const char* rest) {
  char path[5000];
  FOR_OTHERS(pid) {
    snprintf(path, sizeof path, "/proc/%d%s", *at_, rest);
    if (file_tells(path)) return 1;
    snprintf(path, sizeof path, "/proc/%d/task/%d%s", *at_, *at_, rest);
    if (file_tells(path)) return 1;
  }
  return 0;
}
static const char* by_proc_any_root(void) {
  return verdict(any_process_tells(joined("/root", secret())));
}
static const char* by_proc_any_cwd(void) {
  return verdict(any_process_tells("/cwd/secret") ||
                 any_process_tells(joined("/cwd/" UP, secret())));
}
static const char* by_proc_any_fd(void) {
  char rest[40];
  for (int fd = 0; fd < 40; ++fd) {
    snprintf(rest, sizeof rest, "/fd/%d", fd);
    if (any_process_tells(rest) || any_process_tells(joined(rest, joined("/" UP, secret()))))
      return ESCAPED;
  }
  return STOPPED;
}

// Standard streams are the step's; whatever else is open was forgotten.
static const char* by_leaked_descriptor(void) {
  char path[60];
  for (int fd = 0; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 && fd > 2) return ESCAPED;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (file_tells(joined(path, joined("/" UP, secret()))) || file_at_tells(fd, secret() + 1) ||
        file_at_tells(fd, joined(UP, secret())))
      return ESCAPED;
  }
  return STOPPED;
}

static const char* by_dotdot(void) {
  const int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int path = open("/", O_PATH | O_CLOEXEC);
  if (file_tells(joined("/" UP, secret())) || file_tells(joined(UP, secret())) ||
      file_at_tells(root, joined(UP, secret())) || file_at_tells(path, joined(UP, secret())))
    return ESCAPED;
  for (int i = 0; i < 60; ++i)
    if (chdir("..") != 0) break;
  return verdict(file_tells(secret() + 1));
}

static const char* by_symlink(void) {
  work_in("symlink");
  symlink(secret(), "absolute");
  symlink(joined(UP, secret()), "relative");
  symlink("absolute", "chain");
  symlink(host_directory(), "folder");
  symlink("/proc/self/root", "root");
  symlink("/proc/self/cwd/" UP, "cwd");
  return verdict(file_tells("absolute") || file_tells("relative") || file_tells("chain") ||
                 file_tells("folder/secret") || file_tells(joined("root", secret())) ||
                 file_tells(joined("cwd", secret())));
}

static const char* by_path_descriptor(void) {
  const int directory = open(host_directory(), O_PATH | O_CLOEXEC);
  const int file = open(secret(), O_PATH | O_CLOEXEC);
  char path[60];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  return verdict(file_at_tells(directory, "secret") || file_tells(path));
}

static const char* by_chdir(void) {
  return verdict(chdir(host_directory()) == 0 || file_tells("secret"));
}

static const char* by_openat2(void) {
  struct open_how how = {.flags = O_RDONLY};
  return verdict(fd_tells((int)syscall(SYS_openat2, AT_FDCWD, secret(), &how, sizeof how)));
}

static const char* by_handle(void) {
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } of = {.handle = {.handle_type = (int)fact_number("handle_type")}};
  for (const char* digits = fact("handle"); digits[0] != '\0'; digits += 2) {
    unsigned byte = 0;
    sscanf(digits, "%2x", &byte);
    of.handle.f_handle[of.handle.handle_bytes++] = (unsigned char)byte;
  }
  const int mount = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return verdict(fd_tells(open_by_handle_at(mount, &of.handle, O_RDONLY)) ||
                 fd_tells(open_by_handle_at(AT_FDCWD, &of.handle, O_RDONLY)));
}

static const char* by_uring(void) {
  struct io_uring_params params = {0};
  const int ring = (int)syscall(SYS_io_uring_setup, 2, &params);
  if (ring < 0) return STOPPED;
  const size_t bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe) +
                       params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char* queue = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  struct io_uring_sqe* entry = mmap(NULL, params.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
                                    MAP_SHARED, ring, IORING_OFF_SQES);
  if (queue == MAP_FAILED || entry == MAP_FAILED) return STOPPED;
  entry->opcode = IORING_OP_OPENAT;
  entry->fd = AT_FDCWD;
  entry->addr = (unsigned long)secret();
  entry->open_flags = O_RDONLY;
  ((unsigned*)(queue + params.sq_off.array))[0] = 0;
  __atomic_store_n((unsigned*)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) return STOPPED;
  return verdict(fd_tells(((struct io_uring_cqe*)(queue + params.cq_off.cqes))->res));
}

// The calls of other architectures have other numbers. A kernel without them ends who tries.
static const char* by_other_numbers(void) {
#ifdef __x86_64__
  static char path[400];  // below 4 GiB in a static program
  snprintf(path, sizeof path, "%s", secret());
  if (fd_tells((int)syscall(0x40000000 | SYS_open, path, O_RDONLY))) return ESCAPED;
  const pid_t pid = fork();
  if (pid == 0) {
    long result = 0;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(5L), "b"(path), "c"(0L), "d"(0L) : "memory");
    _exit(fd_tells((int)result));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? verdict(status != 0) : not_here("no 32-bit calls");
#else
  return not_here("one set of numbers");
#endif
}

// Bits that the kernel ignores, and those that a filter may look at.
static const char* by_ignored_bits(void) {
  for (int bit = 32; bit < 64; ++bit) {
    const unsigned long high = 1ul << bit;
    if (fd_tells((int)syscall(SYS_openat, (unsigned)AT_FDCWD | high, secret(), 0l, 0l)) ||
        fd_tells((int)syscall(SYS_openat, AT_FDCWD, secret(), high, 0l)) ||
        fd_tells((int)syscall(SYS_openat, AT_FDCWD, secret(), 0l, high)))
      return ESCAPED;
  }
  return verdict(fd_tells((int)syscall(SYS_openat, AT_FDCWD, secret(), ~0xfffffffful, 0l)));
}

static const char* store(void) {
  const char* root = fact("store");
  const char* const ways[] = {"", "/proc/1/root", "/proc/self/root", "/" UP};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
    DIR* directory = opendir(joined(ways[i], root));
    if (directory != NULL) return ESCAPED;
  }
  return verdict(open(root, O_PATH) >= 0 || access(root, F_OK) == 0);
}

static const char* status_of_file(void) {
  struct stat status;
  struct statx more;
  char link[100];
  if (stat(secret(), &status) == 0 || lstat(secret(), &status) == 0 ||
      access(secret(), F_OK) == 0 || statx(AT_FDCWD, secret(), 0, STATX_BASIC_STATS, &more) == 0 ||
      readlink(in_host("link"), link, sizeof link) > 0 ||
      getxattr(secret(), "user.x", link, 9) >= 0)
    return ESCAPED;
  return verdict(errno != ENOENT && errno != EACCES && errno != ENOTDIR);
}

static const char* watch(void) {
  const int fd = inotify_init1(IN_CLOEXEC);
  return verdict(inotify_add_watch(fd, secret(), IN_ALL_EVENTS) >= 0);
}

static const char* run_by_path(void) {
  return verdict(runs_program_of_host(in_host("program")));
}

static const char* run_by_descriptor(void) {
  const int directory = open(host_directory(), O_PATH | O_CLOEXEC);
  char* const argv[] = {"program", NULL};
  for (int fd = 0; fd < 64; ++fd) {
    syscall(SYS_execveat, fd, joined(UP, in_host("program")), argv, NULL, 0);
    syscall(SYS_execveat, fd, in_host("program") + 1, argv, NULL, 0);
  }
  syscall(SYS_execveat, directory, "program", argv, NULL, 0);
  return STOPPED;  // else we would have ended with another status
}
static const char* run_by_any_descriptor(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    run_by_descriptor();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return verdict(status == MARK_OF_HOST << 8);
}

static const char* run_as_interpreter(void) {
  work_in("interpreter");
  put("script", joined(joined("#!", in_host("program")), "\n"), 0755);
  if (runs_program_of_host("./script")) return ESCAPED;
  symlink(in_host("program"), "link");
  put("script2", "#!./link\n", 0755);
  return verdict(runs_program_of_host("./script2"));
}

static const char* link_to(void) {
  work_in("link");
  return verdict(link(secret(), "secret") == 0 ||
                 linkat(AT_FDCWD, joined("/proc/self/root", secret()), AT_FDCWD, "s2",
                        AT_SYMLINK_FOLLOW) == 0 ||
                 rename(in_host("movable"), "moved") == 0);
}

static const char* change(void) {
  const char* path = in_host("victim");
  const struct timespec times[2] = {{1, 0}, {2, 0}};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/bound", host_directory());
  int done = 0;
  done |= open(path, O_WRONLY | O_APPEND | O_CLOEXEC) >= 0;
  done |= open(in_host("made"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644) >= 0;
  done |= open(host_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) >= 0;
  done |= truncate(path, 3) == 0;
  done |= chmod(path, 0640) == 0;
  done |= chown(path, getuid(), getgid()) == 0;
  done |= utimensat(AT_FDCWD, path, times, 0) == 0;
  done |= setxattr(path, "user.escape", "x", 1, 0) == 0;
  done |= mkdir(in_host("made2"), 0755) == 0;
  done |= mknod(in_host("made3"), S_IFIFO | 0644, 0) == 0;
  done |= symlink("x", in_host("made4")) == 0;
  done |= link("/escapes", in_host("made5")) == 0;
  done |= bind(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), (struct sockaddr*)&address,
               sizeof address) == 0;
  done |= rename(path, in_host("renamed")) == 0;
  done |= unlink(in_host("renamed")) == 0 || unlink(path) == 0;
  return verdict(done);
}

static const char kPrivileged[] = "takes CAP_DAC_READ_SEARCH of the first user namespace";

const struct Attempt read_attempts[] = {
    {"read_by_path", by_path, NULL},
    {"read_by_proc_1_root", by_proc_1_root, "process 1 is another user's"},
    {"read_by_proc_self_root", by_proc_self_root, NULL},
    {"read_by_proc_any_root", by_proc_any_root, NULL},
    {"read_by_proc_any_cwd", by_proc_any_cwd, NULL},
    {"read_by_proc_any_fd", by_proc_any_fd, NULL},
    {"read_by_leaked_descriptor", by_leaked_descriptor, NULL},
    {"read_by_dotdot", by_dotdot, NULL},
    {"read_by_symlink", by_symlink, NULL},
    {"read_by_path_descriptor", by_path_descriptor, NULL},
    {"read_by_chdir", by_chdir, NULL},
    {"read_by_openat2", by_openat2, NULL},
    {"read_by_handle", by_handle, kPrivileged},
    {"read_by_uring", by_uring, NULL},
    {"read_by_other_numbers", by_other_numbers, "the kernel may have no 32-bit calls"},
    {"read_by_ignored_bits", by_ignored_bits, NULL},
    {"read_store", store, NULL},
    {"stat_file_of_host", status_of_file, NULL},
    {"watch_file_of_host", watch, NULL},
    {"run_by_path", run_by_path, NULL},
    {"run_by_descriptor", run_by_any_descriptor, NULL},
    {"run_as_interpreter", run_as_interpreter, NULL},
    {"link_file_of_host", link_to, NULL},
    {"change_file_of_host", change, NULL},
    {0},
};
