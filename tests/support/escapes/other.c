// What has no path: sockets, keys, shared memory, queues, terminals.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "escapes.h"

static int reaches(const struct sockaddr_un* address, socklen_t bytes) {
  const int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(stream, (const struct sockaddr*)address, bytes) == 0) return 1;
  // A stream does not answer a datagram, but says so only to whom may ask.
  const int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return sendto(datagram, "x", 1, 0, (const struct sockaddr*)address, bytes) == 1 ||
         errno == EPROTOTYPE;
}

static const char* abstract_socket(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int length =
      snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", fact("abstract"));
  return verdict(
      reaches(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)));
}

static int reaches_path(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return reaches(&address, sizeof address);
}
static const char* named_socket(void) {
  work_in("sockets");
  symlink(in_host("socket"), "link");
  symlink(host_directory(), "dir");
  const int directory = open(host_directory(), O_PATH | O_CLOEXEC);
  char path[60];
  snprintf(path, sizeof path, "/proc/self/fd/%d/socket", directory);
  return verdict(reaches_path(in_host("socket")) || reaches_path("link") ||
                 reaches_path("dir/socket") || reaches_path(path));
}

static int key_tells(long key) {
  char text[100] = "";
  return key > 0 && syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text - 1) > 0 &&
         strncmp(text, TAG, sizeof TAG - 1) == 0;
}
static const char* keyring(void) {
  const int rings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING,
                       KEY_SPEC_USER_SESSION_KEYRING, KEY_SPEC_PROCESS_KEYRING};
  for (int i = 0; i < 4; ++i)
    if (key_tells(syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user", "lichen-escape", 0)))
      return ESCAPED;
  return verdict(key_tells(syscall(SYS_request_key, "user", "lichen-escape", NULL, 0)));
}

static const char* shared_segment(void) {
  const char* at = shmat((int)fact_number("segment"), NULL, SHM_RDONLY);
  return verdict(at != (void*)-1 && strncmp(at, TAG, sizeof TAG - 1) == 0);
}
static const char* shared_memory(void) {
  return verdict(fd_tells(shm_open(fact("shared"), O_RDONLY, 0)));
}
static const char* queue(void) {
  const mqd_t fd = mq_open(fact("queue"), O_RDONLY | O_NONBLOCK);
  char text[8200] = "";
  return verdict(fd != (mqd_t)-1 && mq_receive(fd, text, sizeof text, NULL) > 0 &&
                 strncmp(text, TAG, sizeof TAG - 1) == 0);
}

// What the user types in a terminal, and what is written to it.
static const char* terminal(void) {
  const int fd = open(fact("terminal"), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  char text[100] = "";
  if (fd < 0) return STOPPED;
  // The number may be that of a terminal of our own.
  return verdict(read(fd, text, sizeof text - 1) > 0 && strncmp(text, TAG, sizeof TAG - 1) == 0);
}

static const char* type_into_terminal(void) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || unlockpt(master) != 0) return not_here("no pty");
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd)
    if (ioctl(fd, TIOCSTI, "x") == 0) return ESCAPED;
  setsid();
  ioctl(slave, TIOCSCTTY, 0);
  return verdict(ioctl(slave, TIOCSTI, "x") == 0 ||
                 syscall(SYS_ioctl, slave, TIOCSTI | 1ul << 32, "x") == 0);
}
// Every console command is refused; on what is no console the kernel would say ENOTTY.
static const char* console_command(void) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  char command[] = {3, 0};  // paste the selection
  return verdict(ioctl(master, TIOCLINUX, command) == 0 || errno != EPERM);
}
static const char* own_terminal(void) {
  const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
  return verdict(fd >= 0);
}
static const char* kernel_log(void) {
  char text[200];
  return verdict(klogctl(3, text, sizeof text) >= 0);
}

// A process can be in 16 domains, one within the other: in a step one of them is lichen's.
static const char* landlock(void) {
  const struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK};
  const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0) return STOPPED;  // a step at tier bare can have none of its own
  int layers = 0;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  while (layers < 20 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0) ++layers;
  return verdict(layers > 15);
}

const struct Attempt other_attempts[] = {
    {"other_abstract_socket", abstract_socket, NULL},
    {"other_named_socket", named_socket, NULL},
    {"other_keyring", keyring, NULL},
    {"other_shared_segment", shared_segment, NULL},
    {"other_shared_memory", shared_memory, NULL},
    {"other_queue", queue, NULL},
    {"other_terminal", terminal, NULL},
    {"other_type_into_terminal", type_into_terminal, "the kernel may have no TIOCSTI"},
    {"other_console_command", console_command, NULL},
    {"other_own_terminal", own_terminal, "the test has no terminal"},
    {"other_kernel_log", kernel_log, "kernel.dmesg_restrict may be set"},
    {"other_landlock", landlock, NULL},
    {0},
};
