// The tools of escapes.h.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "escapes.h"

enum { kMaxFacts = 40, kMaxOthers = 4096, kNeighbours = 12 };

static struct {
  char key[40];
  char value[400];
} facts[kMaxFacts];
static size_t fact_count;

void read_facts(const char* path) {
  FILE* file = fopen(path, "re");
  if (file == NULL) {
    printf("escapes: no facts: %s: %s\n", path, strerror(errno));
    exit(1);
  }
  while (fact_count < kMaxFacts &&
         fscanf(file, " %39[^=]=%399[^\n]", facts[fact_count].key, facts[fact_count].value) == 2)
    ++fact_count;
  fclose(file);
}

const char* fact(const char* key) {
  for (size_t i = 0; i < fact_count; ++i)
    if (strcmp(facts[i].key, key) == 0) return facts[i].value;
  return "";
}
long fact_number(const char* key) {
  return strtol(fact(key), NULL, 0);
}
int on_host(void) {
  return fact_number("on_host") == 1;
}

const char* said(const char* format, ...) {
  static char text[200];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  return text;
}
const char* verdict(int escaped) {
  return escaped ? ESCAPED : STOPPED;
}
const char* not_here(const char* why) {
  return said("not here: %s", why);
}
const char* sent(int signal) {
  return said("sent %d", signal);
}
const char* left(const char* name) {
  return said("left %s", name);
}

const char* joined(const char* before, const char* after) {
  static char paths[8][5000];
  static unsigned next;
  char* path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s%s", before, after);
  return path;
}
const char* host_directory(void) {
  return fact("directory");
}
const char* in_host(const char* name) {
  return joined(joined(host_directory(), "/"), name);
}
const char* secret(void) {
  return in_host("secret");
}

int fd_tells(int fd) {
  if (fd < 0) return 0;
  char text[sizeof TAG] = "";
  const ssize_t bytes = pread(fd, text, sizeof TAG - 1, 0);
  close(fd);
  return bytes == sizeof TAG - 1 && strcmp(text, TAG) == 0;
}
int file_at_tells(int directory, const char* path) {
  return fd_tells(openat(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}
int file_tells(const char* path) {
  return file_at_tells(AT_FDCWD, path);
}

int runs(const char* path) {
  const pid_t pid = fork();
  if (pid == 0) {
    execl(path, "program", NULL);
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}
int runs_program_of_host(const char* path) {
  return runs(path) == MARK_OF_HOST;
}

pid_t victim(void) {
  return (pid_t)fact_number("pid");
}
pid_t builder(void) {
  return (pid_t)fact_number("builder");
}

// From /proc/PID/stat: the pid, which is another where 1 stands for the step's first process, and
// the parent's.
static int read_pids(pid_t pid, pid_t* real, pid_t* parent) {
  char path[40], text[400] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t bytes = read(fd, text, sizeof text - 1);
  close(fd);
  const char* end = bytes > 0 ? strrchr(text, ')') : NULL;
  if (end == NULL) return -1;
  *real = (pid_t)strtol(text, NULL, 10);
  *parent = (pid_t)strtol(end + 4, NULL, 10);
  return 0;
}

static int is_ours(pid_t pid) {
  const pid_t self = getpid(), above = getppid();
  pid_t parent = 0;
  if (pid == self || pid == above) return 1;
  if (read_pids(pid, &pid, &parent) != 0) return 0;
  return pid == above || parent == self || (parent == above && above != 1);
}

const pid_t* others(void) {
  static pid_t list[kMaxOthers + 100];
  size_t count = 0;
  DIR* proc = opendir("/proc");
  for (struct dirent* entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid > 0 && count < kMaxOthers && !is_ours(pid)) list[count++] = pid;
  }
  if (proc != NULL) closedir(proc);
  if (victim() > 0) list[count++] = victim();
  // The builder's front, its keeper and its workers are started one after another.
  for (int i = 0; builder() > 0 && i < kNeighbours; ++i)
    if (!is_ours(builder() + i)) list[count++] = builder() + i;
  list[count] = 0;
  return list;
}

void work_in(const char* name) {
  const char* place = on_host() ? fact("work") : "/work";
  mkdir(place, 0755);
  const char* path = joined(joined(place, "/"), name);
  mkdir(path, 0755);
  if (chdir(path) != 0) {
    printf("escapes: %s: %s\n", path, strerror(errno));
    exit(1);
  }
}

void put(const char* path, const char* text, int mode) {
  const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
      fchmod(fd, (mode_t)mode) != 0) {
    printf("escapes: cannot make %s: %s\n", path, strerror(errno));
    exit(1);
  }
  close(fd);
}

static int write_to(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const int wrong = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
  if (fd >= 0) close(fd);
  return wrong ? -1 : 0;
}

int become_root(void) {
  if (!on_host()) return 0;
  char uids[40], gids[40];
  snprintf(uids, sizeof uids, "0 %d 1", (int)getuid());
  snprintf(gids, sizeof gids, "0 %d 1", (int)getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  write_to("/proc/self/setgroups", "deny");
  if (write_to("/proc/self/uid_map", uids) != 0) return -1;
  return write_to("/proc/self/gid_map", gids);
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
