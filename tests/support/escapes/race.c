// Changing a path between the moment it is looked at and the moment it is used: a thread exchanges
// a directory of ours with a link to the host's, or a file with a link, as fast as it can.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "escapes.h"

static atomic_int is_over;

static void* exchange(void* with) {
  const char* const* names = with;
  while (!is_over) syscall(SYS_renameat2, AT_FDCWD, names[0], AT_FDCWD, names[1], 2 /* EXCHANGE */);
  return NULL;
}

// A file of the host is not what the test left there; in a step there is nothing to be seen.
static int host_has_changed(void) {
  struct stat status;
  if (stat(in_host("raced"), &status) != 0) return 0;
  if (status.st_mode != (S_IFREG | 0644) || status.st_size != 6 || status.st_mtime < 1000) return 1;
  return access(in_host("made"), F_OK) == 0 || access(in_host("removable"), F_OK) != 0 ||
         getxattr(in_host("raced"), "user.race", NULL, 0) >= 0;
}

static const char* race(const char* const* names, int (*once)(void)) {
  pthread_t thread;
  const double end = now() + (fact_number("race_ms") > 0 ? fact_number("race_ms") / 1e3 : 0.4);
  int escaped = 0;
  const int here = open(".", O_PATH | O_CLOEXEC);
  pthread_create(&thread, NULL, exchange, (void*)(size_t)names);
  while (!escaped && now() < end) {
    escaped = once();
    if (on_host()) escaped |= host_has_changed();
    if (fchdir(here) != 0) break;
  }
  is_over = 1;
  pthread_join(thread, NULL);
  return verdict(escaped);
}

static const char* race_folder(int (*once)(void)) {
  static const char* const names[] = {"a", "b"};
  work_in(said("race-%d", getpid()));
  mkdir("a", 0755);
  put("a/secret", "ours\n", 0644);
  put("a/raced", "ours\n", 0644);
  put("a/removable", "ours\n", 0644);
  put("a/program", "#!/bin/sh\nexit 7\n", 0755);
  symlink(host_directory(), "b");
  return race(names, once);
}
static const char* race_file(int (*once)(void)) {
  static const char* const names[] = {"file", "link"};
  work_in(said("race-%d", getpid()));
  put("file", "ours\n", 0644);
  symlink(in_host("raced"), "link");
  return race(names, once);
}

static int open_it(void) {
  return file_tells("a/secret");
}
static int status_of_it(void) {
  struct stat status;
  return stat("a/secret", &status) == 0 && (long)status.st_ino == fact_number("inode");
}
static int run_it(void) {
  return runs_program_of_host("a/program");
}
static int enter_it(void) {
  return chdir("a") == 0 && file_tells("secret");
}
static int hold_it(void) {
  const int directory = open("a", O_PATH | O_CLOEXEC);
  const int file = open("a/secret", O_PATH | O_CLOEXEC);
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  const int tells = file_at_tells(directory, "secret") || file_tells(path);
  close(directory);
  close(file);
  return tells;
}
static int set_mode(void) {
  return chmod("a/raced", 0600) == 2;
}
static int set_times(void) {
  const struct timespec times[2] = {{1, 0}, {2, 0}};
  return utimensat(AT_FDCWD, "a/raced", times, 0) == 2;
}
static int set_attribute(void) {
  return setxattr("a/raced", "user.race", "x", 1, 0) == 2;
}
static int shorten(void) {
  return truncate("a/raced", 1) == 2;
}
static int create(void) {
  const int fd = open("a/made", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
  return mkdir("a/made", 0755) == 2;
}
static int unmake(void) {
  return unlink("a/removable") == 2;
}
static int move_in(void) {
  put("ours", "ours\n", 0644);
  return rename("ours", "a/made") == 2;
}
static int move_out(void) {
  return rename("a/removable", "got") == 0 && file_tells("got");
}
static int link_it(void) {
  unlink("got");
  return link("a/secret", "got") == 0 && file_tells("got");
}
static int bind_there(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "a/made"};
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int rc = bind(fd, (const struct sockaddr*)&address, sizeof address);
  close(fd);
  return rc == 2;
}
static int connect_there(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "a/socket"};
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int rc = connect(fd, (const struct sockaddr*)&address, sizeof address);
  close(fd);
  return rc == 0;  // ours is no socket
}
static int overwrite_file(void) {
  const int fd = open("file", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
  return chmod("file", 0600) == 2;
}
// Of the two only the file of ours can be opened so.
static int open_no_link(void) {
  const int fd = open("file", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;
  const int is_link = fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode));
  if (fd >= 0) close(fd);
  return is_link;
}
static int read_file(void) {
  return file_tells("file");  // the host's raced file says no secret, but its inode does
}

#define RACE(kind, once)                 \
  static const char* race_##once(void) { \
    return race_##kind(once);            \
  }
RACE(folder, open_it)
RACE(folder, status_of_it)
RACE(folder, run_it)
RACE(folder, enter_it)
RACE(folder, hold_it)
RACE(folder, set_mode)
RACE(folder, set_times)
RACE(folder, set_attribute)
RACE(folder, shorten)
RACE(folder, create)
RACE(folder, unmake)
RACE(folder, move_in)
RACE(folder, move_out)
RACE(folder, link_it)
RACE(folder, bind_there)
RACE(folder, connect_there)
RACE(file, overwrite_file)
RACE(file, open_no_link)
RACE(file, read_file)

const struct Attempt race_attempts[] = {
    {"race_open", race_open_it, NULL},
    {"race_stat", race_status_of_it, NULL},
    {"race_exec", race_run_it, NULL},
    {"race_chdir", race_enter_it, NULL},
    {"race_path_descriptor", race_hold_it, NULL},
    {"race_chmod", race_set_mode, NULL},
    {"race_utime", race_set_times, NULL},
    {"race_xattr", race_set_attribute, NULL},
    {"race_truncate", race_shorten, NULL},
    {"race_create", race_create, NULL},
    {"race_unlink", race_unmake, NULL},
    {"race_rename_in", race_move_in, NULL},
    {"race_rename_out", race_move_out, NULL},
    {"race_link", race_link_it, NULL},
    {"race_bind", race_bind_there, NULL},
    {"race_connect", race_connect_there, NULL},
    {"race_overwrite", race_overwrite_file, NULL},
    {"race_no_follow", race_open_no_link, "a kernel refuses a link that it was told not to follow"},
    {"race_read_file", race_read_file, "the file says no secret"},
    {0},
};
