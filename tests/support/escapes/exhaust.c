// Taking more than there is: afterwards calls are answered as before, and the test measures how
// large the builder has become.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "escapes.h"

static const char kNoBuilder[] = "it is the builder that must withstand it";

enum {
  kDescriptors = 12000,
  kProcesses = 250,
  kThreads = 150,
  kLevels = 500,
  kFiles = 4000,
  kIdentities = 6000,
  kGroupSets = 40,
  kMappings = 30000,
};

// The step goes on as if nothing had been.
static const char* goes_on(void) {
  struct stat status;
  char here[4096];
  if (stat("/", &status) != 0 || getcwd(here, sizeof here) == NULL) return said("BROKEN: stat");
  work_in("goes-on");
  unlink("file");
  put("file", "x\n", 0644);
  if (chown("file", 0, 0) != 0 || rename("file", "renamed") != 0) return said("BROKEN: rename");
  const int status_of_program = runs("/escapes");
  if (status_of_program != MARK_OF_HOST) return said("BROKEN: exec: %d", status_of_program);
  return STOPPED;
}

static const char* descriptors(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  work_in("descriptors");
  pid_t holders[4];
  for (int i = 0; i < 4; ++i) {
    holders[i] = fork();
    if (holders[i] != 0) continue;
    int kept = 0;
    for (int fd = 0; kept < kDescriptors / 4 && fd >= 0; ++kept)
      fd = kept % 3 == 0   ? open(".", O_RDONLY | O_DIRECTORY)
           : kept % 3 == 1 ? socket(AF_UNIX, SOCK_STREAM, 0)
                           : open("f", O_CREAT | O_RDWR, 0644);
    pause();
  }
  usleep(700000);
  const char* result = goes_on();
  for (int i = 0; i < 4; ++i) kill(holders[i], SIGKILL);
  return result;
}

static const char* bound_sockets(void) {
  work_in("bound");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  for (int i = 0; i < 3000; ++i) {
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "socket-%d", i);
    bind(fd, (struct sockaddr*)&address, sizeof address);
    unlink(address.sun_path);
    close(fd);
  }
  return goes_on();
}

static const char* deep_directories(void) {
  char name[101], here[8000];
  memset(name, 'd', 100);
  name[100] = '\0';
  work_in("deep");
  int level = 0;
  while (level < kLevels && mkdir(name, 0755) == 0 && chdir(name) == 0) ++level;
  struct stat status;
  stat(".", &status);
  getcwd(here, sizeof here);
  const int fd = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  chmod("file", 0600);
  chown("file", 3, 4);
  rename("file", "file2");
  unlink("file2");
  close(fd);
  while (level-- > 0) {
    if (chdir("..") != 0) return said("BROKEN: cannot go up from level %d", level);
    rmdir(name);
  }
  return goes_on();
}

static const char* long_paths(void) {
  static char text[2 << 20];
  char buffer[100];
  struct stat status;
  work_in("long");
  for (size_t bytes = 1; bytes < sizeof text; bytes += bytes / 3 + 1) {
    for (size_t i = 0; i < bytes; ++i) text[i] = i % 2 == 0 ? '/' : i % 256 == 0 ? 'x' : '.';
    text[bytes] = '\0';
    stat(text, &status);
    readlink(text, buffer, sizeof buffer);
    open(text, O_CREAT | O_CLOEXEC, 0644);
    memset(text, 'n', bytes);
    mkdir(text, 0755);
    symlink(text, "l");
    stat("l/../l/x", &status);
    unlink("l");
    execl(text, text, NULL);
    setxattr("/", text, text, bytes, 0);
  }
  return goes_on();
}

static const char* long_arguments(void) {
  enum { kCount = 30, kBytes = 100 << 10 };
  static char* argv[kCount + 2];
  char* word = malloc(kBytes);
  memset(word, 'w', kBytes);
  word[kBytes - 1] = '\0';
  for (int count = 1; count < kCount; ++count) {
    if (fork() == 0) {
      argv[0] = "program";
      for (int i = 1; i <= count; ++i) argv[i] = word;
      execv("/escapes", argv);
      _exit(errno == E2BIG ? MARK_OF_HOST : 1);
    }
    int status = 0;
    wait(&status);
    if (status != MARK_OF_HOST << 8) return said("BROKEN: status %d of %d words", status, count);
  }
  return goes_on();
}

static const char* processes(void) {
  struct stat status;
  pid_t pids[kProcesses];
  for (int i = 0; i < kProcesses; ++i) {
    pids[i] = fork();
    if (pids[i] != 0) continue;
    const double end = now() + 0.6;
    while (now() < end) stat("/", &status);
    pause();
  }
  usleep(300000);
  const char* result = goes_on();
  for (int i = 0; i < kProcesses; ++i)
    if (pids[i] > 0) kill(pids[i], SIGKILL);
  while (wait(NULL) > 0) continue;
  return result;
}

static void* keep_calling(void* unused) {
  struct stat status;
  (void)unused;
  for (;;) {
    stat("/proc/self/status", &status);
    close(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  return NULL;
}
static void* wait_for_writer(void* unused) {
  (void)unused;
  open("fifo", O_RDONLY | O_CLOEXEC);
  return NULL;
}
static const char* with_threads(void* (*body)(void*)) {
  work_in("threads");
  mkfifo("fifo", 0666);
  for (int round = 0; round < 3; ++round) {
    const pid_t pid = fork();
    if (pid == 0) {
      pthread_attr_t attributes;
      pthread_t thread;
      pthread_attr_init(&attributes);
      pthread_attr_setstacksize(&attributes, 64 << 10);
      for (int i = 0; i < kThreads; ++i) pthread_create(&thread, &attributes, body, NULL);
      pause();
    }
    usleep(200000);
    const char* result = goes_on();
    kill(pid, SIGKILL);  // with all of their calls pending
    waitpid(pid, NULL, 0);
    if (result[0] != 's') return result;
    chdir("../threads");
  }
  return goes_on();
}
static const char* pending_calls(void) {
  return with_threads(keep_calling);
}
static const char* pending_opens(void) {
  return with_threads(wait_for_writer);
}

static const char* symlink_loops(void) {
  work_in("loops");
  symlink("b", "a");
  symlink("a", "b");
  symlink(".", "here");
  symlink("grows/x", "grows");
  static char path[4000];
  for (size_t i = 0; i + 5 < sizeof path; i += 5) memcpy(path + i, "here/", 5);
  struct stat status;
  for (int i = 0; i < 2000; ++i) {
    if (open("a", O_RDONLY | O_CLOEXEC) >= 0 || open("grows", O_CREAT | O_RDWR, 0644) >= 0 ||
        stat(path, &status) == 0)
      return said("BROKEN: a loop ends");
    if (errno != ELOOP) return said("BROKEN: %s, not ELOOP", strerror(errno));
  }
  return goes_on();
}

static const char* records(void) {
  char name[30];
  work_in("records");
  for (unsigned i = 0; i < kFiles; ++i) {
    snprintf(name, sizeof name, "f-%u", i);
    close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    chown(name, i % 60000, 1);
    unlink(name);
  }
  return goes_on();
}

static const char* identities(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    static gid_t groups[65536];
    for (unsigned set = 0; set < kGroupSets; ++set) {
      for (unsigned i = 0; i < 65536; ++i) groups[i] = (i + set * 7) % 60000;
      syscall(SYS_setgroups, 65536, groups);
    }
    for (unsigned i = 0; i < kIdentities; ++i) syscall(SYS_setresuid, i, 0, 0);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return goes_on();
}

static const char* roots(void) {
  work_in("roots");
  const pid_t pid = fork();
  if (pid == 0) {
    char name[220];
    const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 500; ++i) {
      snprintf(name, sizeof name, "%0200d", i);
      mkdirat(here, name, 0755);
      if (fchdir(here) == 0) chroot(name);
      unlinkat(here, name, AT_REMOVEDIR);
    }
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return goes_on();
}

static const char* programs(void) {
  char name[30];
  work_in("programs");
  for (int i = 0; i < 150; ++i) {
    snprintf(name, sizeof name, "./program-%d", i);
    link("/escapes", name);
    const pid_t pid = fork();
    if (pid == 0) {
      char* const argv[] = {"program", NULL};
      execv(name, argv);
      _exit(1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != MARK_OF_HOST << 8) return said("BROKEN: %s: status %d", name, status);
    unlink(name);
  }
  return goes_on();
}

// Programs without a name have to be copied.
static const char* nameless_programs(void) {
  struct stat status;
  const int from = open("/escapes", O_RDONLY | O_CLOEXEC);
  if (fstat(from, &status) != 0) return said("BROKEN: /escapes");
  for (int i = 0; i < 40; ++i) {
    const int fd = (int)syscall(SYS_memfd_create, "program", 0);
    char* content = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, from, 0);
    if (write(fd, content, (size_t)status.st_size) != status.st_size) return said("BROKEN: memfd");
    munmap(content, (size_t)status.st_size);
    const pid_t pid = fork();
    if (pid == 0) {
      char* const argv[] = {"program", NULL};
      syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
      _exit(1);
    }
    waitpid(pid, NULL, 0);
    close(fd);
  }
  return goes_on();
}

static const char* messages(void) {
  enum { kMessages = 1024 };
  static struct mmsghdr many[kMessages];
  static char control[1 << 20], text[1 << 16];
  int ends[2];
  socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends);
  struct iovec part = {text, sizeof text};
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nothing"};
  for (size_t bytes = 1; bytes <= sizeof control; bytes *= 2) {
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    header.msg_controllen = bytes;
    memset(control, (int)bytes & 0xff, sizeof control);
    sendmsg(ends[0], &header, 0);
    recvmsg(ends[1], &header, 0);
    header.msg_name = &address;
    header.msg_namelen = (socklen_t)bytes;
    sendmsg(ends[0], &header, 0);
  }
  for (int i = 0; i < kMessages; ++i)
    many[i].msg_hdr = (struct msghdr){
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
  for (int i = 0; i < 20; ++i) sendmmsg(ends[0], many, kMessages, 0);
  sendmmsg(ends[0], many, ~0u, 0);
  return goes_on();
}

static const char* attributes(void) {
  static char value[64 << 10];
  char name[40];
  work_in("attributes");
  put("file", "x", 0644);
  for (int i = 0; i < 300; ++i) {
    snprintf(name, sizeof name, "user.attribute-%d", i);
    setxattr("file", name, value, i % 2 == 0 ? sizeof value : 3000, 0);
    listxattr("file", value, sizeof value);
    getxattr("file", name, value, sizeof value);
    setxattr("file", "security.capability", value, sizeof value, 0);
  }
  unlink("file");
  return goes_on();
}

// What /proc says of a process is as long as the process wants.
static const char* mappings(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < kMappings; ++i)
      mmap(NULL, 4096, i % 2 == 0 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3; ++i) {
      if (fork() != 0) continue;
      static char text[1 << 16];
      const char* const names[] = {"/proc/self/maps", "/proc/self/smaps", "/proc/self/numa_maps"};
      const int fd = open(names[i], O_RDONLY | O_CLOEXEC);
      while (fd >= 0 && read(fd, text, sizeof text) > 0) continue;
      _exit(0);
    }
    while (wait(NULL) > 0) continue;
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return goes_on();
}

// Long enough for the test to see how large the builder has become.
static const char* rest(void) {
  sleep(1);
  return goes_on();
}

const struct Attempt exhaust_attempts[] = {
    {"exhaust_descriptors", descriptors, kNoBuilder},
    {"exhaust_bound_sockets", bound_sockets, kNoBuilder},
    {"exhaust_deep_directories", deep_directories, kNoBuilder},
    {"exhaust_long_paths", long_paths, kNoBuilder},
    {"exhaust_long_arguments", long_arguments, kNoBuilder},
    {"exhaust_processes", processes, kNoBuilder},
    {"exhaust_pending_calls", pending_calls, kNoBuilder},
    {"exhaust_pending_opens", pending_opens, kNoBuilder},
    {"exhaust_symlink_loops", symlink_loops, kNoBuilder},
    {"exhaust_records", records, kNoBuilder},
    {"exhaust_identities", identities, kNoBuilder},
    {"exhaust_roots", roots, kNoBuilder},
    {"exhaust_programs", programs, kNoBuilder},
    {"exhaust_nameless_programs", nameless_programs, kNoBuilder},
    {"exhaust_messages", messages, kNoBuilder},
    {"exhaust_attributes", attributes, kNoBuilder},
    {"exhaust_mappings", mappings, kNoBuilder},
    {"exhaust_rest", rest, kNoBuilder},
    {0},
};
