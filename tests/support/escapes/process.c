// Looking into, tracing and tuning processes that are not the step's: the builder, the host's,
// another step's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

static int open_of(pid_t pid, const char* name, int flags) {
  char path[80];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

// Files that the kernel shows to whom could trace the process.
static int any_guarded_file(const char* name) {
  char text[64];
  FOR_OTHERS(pid) {
    const int fd = open_of(*at_, name, O_RDONLY);
    if (fd < 0) continue;
    const ssize_t bytes = read(fd, text, sizeof text);
    close(fd);
    if (bytes > 0) return 1;
  }
  return 0;
}

static const char* environment(void) {
  return verdict(any_guarded_file("environ"));
}
static const char* maps(void) {
  return verdict(any_guarded_file("maps") || any_guarded_file("smaps") ||
                 any_guarded_file("auxv") || any_guarded_file("syscall") || any_guarded_file("io"));
}

static const char* links(void) {
  const char* const names[] = {"exe", "cwd", "root", "fd/0", "fd/1", "fd/3", "ns/mnt"};
  char path[80], target[300];
  FOR_OTHERS(pid) {
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
      snprintf(path, sizeof path, "/proc/%d/%s", *at_, names[i]);
      if (readlink(path, target, sizeof target) > 0) return ESCAPED;
    }
  }
  return STOPPED;
}

static unsigned long secret_address(void) {
  return strtoul(fact("address"), NULL, 0);
}

static const char* memory_file(void) {
  char text[sizeof TAG] = "";
  FOR_OTHERS(pid) {
    const int fd = open_of(*at_, "mem", O_RDONLY);
    if (fd < 0) continue;
    if (*at_ != victim()) return ESCAPED;
    if (pread(fd, text, sizeof TAG - 1, (off_t)secret_address()) > 0 && strcmp(text, TAG) == 0)
      return ESCAPED;
    close(fd);
  }
  return STOPPED;
}

// EFAULT is an answer of somebody who was allowed to ask.
static int copies(long nr, pid_t pid) {
  char text[16] = "";
  struct iovec here = {text, sizeof text}, there = {(void*)secret_address(), sizeof text};
  if (nr == SYS_process_vm_writev) there.iov_base = (void*)8;
  return syscall(nr, pid, &here, 1, &there, 1, 0) > 0 || errno == EFAULT;
}
static const char* vm_readv(void) {
  FOR_OTHERS(pid) if (copies(SYS_process_vm_readv, *at_)) return ESCAPED;
  return STOPPED;
}
static const char* vm_writev(void) {
  FOR_OTHERS(pid) if (copies(SYS_process_vm_writev, *at_)) return ESCAPED;
  return STOPPED;
}

static const char* descriptors(void) {
  FOR_OTHERS(pid) {
    const int pidfd = (int)syscall(SYS_pidfd_open, *at_, 0);
    if (pidfd < 0) continue;
    for (int fd = 0; fd < 30; ++fd)
      if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0) return ESCAPED;
    close(pidfd);
  }
  return STOPPED;
}

static const char* compare(void) {
  FOR_OTHERS(pid) if (syscall(SYS_kcmp, getpid(), *at_, KCMP_VM, 0, 0) >= 0) return ESCAPED;
  return STOPPED;
}

static const char* trace(void) {
  FOR_OTHERS(pid) {
    const int request = *at_ == victim() ? PTRACE_ATTACH : PTRACE_SEIZE;
    if (ptrace(request, *at_, NULL, NULL) != 0) continue;
    if (request == PTRACE_ATTACH) waitpid(*at_, NULL, __WALL);
    ptrace(PTRACE_DETACH, *at_, NULL, NULL);
    return ESCAPED;
  }
  return STOPPED;
}

static const char* tune(void) {
  const struct rlimit limit = {1 << 20, 1 << 20};
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  FOR_OTHERS(pid) {
    if (*at_ == 1) continue;
    if (setpriority(PRIO_PROCESS, (id_t)*at_, 0) == 0) return ESCAPED;
    if (syscall(SYS_prlimit64, *at_, RLIMIT_CORE, &limit, NULL) == 0) return ESCAPED;
    if (sched_setaffinity(*at_, sizeof all, &all) == 0) return ESCAPED;
    if (syscall(SYS_ioprio_set, 1, *at_, 0) == 0) return ESCAPED;
    if (syscall(SYS_migrate_pages, *at_, 0l, NULL, NULL) == 0) return ESCAPED;
  }
  return STOPPED;
}

// By its size: at tier bare our own has another inode when it was opened for writing.
static int is_another(int fd, const struct stat* own) {
  struct stat that;
  if (fd < 0) return 0;
  const int is = fstat(fd, &that) != 0 || that.st_size != own->st_size;
  close(fd);
  return is;
}
static int opens_another(const char* name, const struct stat* own) {
  char again[60];
  const int path = open(name, O_PATH | O_CLOEXEC);
  snprintf(again, sizeof again, "/proc/self/fd/%d", path);
  const int opened = is_another(open(name, O_WRONLY | O_CLOEXEC), own) ||
                     is_another(open(again, O_WRONLY | O_CLOEXEC), own) ||
                     is_another(open(name, O_RDONLY | O_CLOEXEC), own);
  if (path >= 0) close(path);
  return opened;
}
// CVE-2019-5736: the program of a process that is not ours, or of our own start.
static const char* executable(void) {
  struct stat own;
  char name[40];
  if (stat("/proc/self/exe", &own) != 0) return not_here("no /proc/self/exe");
  if (opens_another("/proc/self/exe", &own) || opens_another("/proc/1/exe", &own)) return ESCAPED;
  snprintf(name, sizeof name, "/proc/%d/exe", getppid());
  if (opens_another(name, &own)) return ESCAPED;
  FOR_OTHERS(pid) {
    snprintf(name, sizeof name, "/proc/%d/exe", *at_);
    if (opens_another(name, &own)) return ESCAPED;
  }
  return STOPPED;
}

// A program may be started with our own memory as what it is started from.
static const char* executable_of_start(void) {
  work_in("start");
  put("script", "#!/proc/self/exe list\n", 0755);
  put("script2", "#!/proc/1/exe\n", 0755);
  const int status = runs("./script2");
  return verdict(status >= 0 && status != 127 && status != 2 && status != MARK_OF_HOST &&
                 !on_host());
}

const struct Attempt process_attempts[] = {
    {"process_environment", environment, NULL},
    {"process_maps", maps, NULL},
    {"process_links", links, NULL},
    {"process_memory", memory_file, NULL},
    {"process_vm_readv", vm_readv, NULL},
    {"process_vm_writev", vm_writev, NULL},
    {"process_descriptors", descriptors, NULL},
    {"process_compare", compare, NULL},
    {"process_trace", trace, NULL},
    {"process_tune", tune, NULL},
    {"process_executable", executable, NULL},
    {"process_executable_of_start", executable_of_start, "process 1 is another user's"},
    {0},
};
