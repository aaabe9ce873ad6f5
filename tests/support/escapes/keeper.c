// The parent of everything that the attempts leave behind on the host: the host's init may reap more slowly than
// they fork, and what nobody reaps fills the table of processes for every other test.
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

static volatile sig_atomic_t over;
static void end(int number) {
  (void)number;
  over = 1;
}

// A child that is no longer there when its line is read is a zombie that waitpid gets.
static int is_child(pid_t pid, pid_t* group) {
  char path[32], line[256], state;
  pid_t parent;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  const char* rest = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
  fclose(file);
  return rest != NULL && sscanf(rest + 1, " %c %d %d", &state, &parent, group) == 3 && parent == getpid();
}

// By groups, too: a chain of forks is another process whenever one looks.
static void kill_children(void) {
  DIR* processes = opendir("/proc");
  for (const struct dirent* entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
    const pid_t pid = atoi(entry->d_name);
    pid_t group = 0;
    if (pid <= 0 || !is_child(pid, &group)) continue;
    kill(pid, SIGKILL);
    if (group > 1 && group != getpgrp()) kill(-group, SIGKILL);
  }
  if (processes != NULL) closedir(processes);
}

int keeper(const char* status_path, char** command) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t pid = fork();
  if (pid == 0) {
    execv(command[0], command);
    _exit(127);
  }
  signal(SIGTERM, end);
  for (; !over; usleep(500)) {
    int status = 0;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != pid) continue;
      FILE* file = fopen(status_path, "w");
      fprintf(file, "%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      fclose(file);
    }
  }
  for (pid_t ended = 0; ended >= 0;) {
    kill_children();
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {}
    usleep(1000);
  }
  return 0;
}

// The newest first: a chain of forks is another process a moment later.
int is_left(const char* name, double seconds) {
  enum { kMost = 1 << 16 };
  static pid_t pids[kMost];
  for (const double end = now() + seconds; now() < end;) {
    int count = 0;
    DIR* processes = opendir("/proc");
    for (const struct dirent* entry; processes != NULL && (entry = readdir(processes)) != NULL;)
      if (count < kMost && atoi(entry->d_name) > 0) pids[count++] = atoi(entry->d_name);
    if (processes != NULL) closedir(processes);
    while (count > 0) {
      char path[32], comm[32] = "";
      snprintf(path, sizeof path, "/proc/%d/comm", pids[--count]);
      FILE* file = fopen(path, "r");
      if (file == NULL) continue;
      const int read = fscanf(file, "%31s", comm);
      fclose(file);
      if (read == 1 && strcmp(comm, name) == 0) return 0;
    }
  }
  return 1;
}
