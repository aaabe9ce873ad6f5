// The host's side: a process of the same user that has secrets in its environment, its memory, an
// open file, shared memory, a queue, a terminal and behind sockets, and that tells in a file
// whatever reaches it. And the step beside ours that has a secret.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "escapes.h"

enum { kSecretBytes = 100, kSecondsToLive = 300 };

static int seen = -1;  // the file that tells

static void tell(const char* text) {
  if (write(seen, text, strlen(text)) < 0) _exit(1);
}

static void on_signal(int number) {
  char text[] = "signal 00\n";
  text[7] = (char)('0' + number / 10);
  text[8] = (char)('0' + number % 10);
  tell(text);
}

static void must(long rc, const char* what) {
  if (rc >= 0) return;
  fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int listen_at(const struct sockaddr_un* address, socklen_t bytes) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  must(bind(fd, (const struct sockaddr*)address, bytes), "bind");
  must(listen(fd, 50), "listen");
  return fd;
}

static socklen_t abstract_address(struct sockaddr_un* address, const char* name) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  const int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s", name);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static void write_handle(FILE* facts, const char* path) {
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } of = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, path, &of.handle, &mount, 0) != 0) return;
  fprintf(facts, "handle_type=%d\nhandle=", of.handle.handle_type);
  for (unsigned i = 0; i < of.handle.handle_bytes; ++i)
    fprintf(facts, "%02x", of.handle.f_handle[i]);
  fprintf(facts, "\n");
}

struct Names {
  char shared[60], queue[60], abstract[60];
};

static int open_terminal(FILE* facts, const char* text) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return -1;
  struct termios raw;
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  tcgetattr(slave, &raw);
  cfmakeraw(&raw);
  tcsetattr(slave, TCSANOW, &raw);
  must(write(master, text, strlen(text)), "terminal");  // what the user has typed
  fprintf(facts, "terminal=%s\n", ptsname(master));
  return master;
}

static void make_secrets(const char* directory, const struct Names* names, const char* text,
                         FILE* facts) {
  const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  if (segment >= 0) {
    strcpy(shmat(segment, NULL, 0), text);
    shmctl(segment, IPC_RMID, NULL);  // when we end; until then it can be attached
    fprintf(facts, "segment=%d\n", segment);
  }
  const int shared = shm_open(names->shared, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (shared >= 0) must(write(shared, text, strlen(text)), "shm_open");
  const mqd_t queue = mq_open(names->queue, O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
  for (int i = 0; queue != (mqd_t)-1 && i < 4; ++i) mq_send(queue, text, strlen(text), 0);
  fprintf(facts, "shared=%s\nqueue=%s\nabstract=%s\n", names->shared, names->queue,
          names->abstract);
  struct stat status;
  const char* secret_path = joined(directory, "/secret");
  must(stat(secret_path, &status), "stat");
  fprintf(facts, "inode=%lu\nmajor=%u\nminor=%u\n", status.st_ino, major(status.st_dev),
          minor(status.st_dev));
  write_handle(facts, secret_path);
  must(stat(joined(directory, "/victim"), &status), "stat");
  fprintf(facts, "inode_of_victim=%lu\n", status.st_ino);
}

static void serve(int abstract, int named, int terminal) {
  struct pollfd polled[] = {{abstract, POLLIN, 0}, {named, POLLIN, 0}, {terminal, POLLIN, 0}};
  for (;;) {
    if (poll(polled, 3, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      const int one = accept4(polled[i].fd, NULL, NULL, SOCK_CLOEXEC);
      if (one < 0) continue;
      tell(i == 0 ? "abstract socket\n" : "named socket\n");
      close(one);
    }
    char text[100];
    if ((polled[2].revents & POLLIN) != 0 && read(terminal, text, sizeof text) > 0)
      tell("terminal\n");
  }
}

static pid_t victim_pid;

static void end_victim(int unused) {
  (void)unused;
  kill(victim_pid, SIGKILL);
}

int witness(const char* directory) {
  struct Names names;
  const char* text = getenv("WITNESS_SECRET");
  if (text == NULL || strncmp(text, TAG, sizeof TAG - 1) != 0) return 2;
  snprintf(names.shared, sizeof names.shared, "/lichen-escape-%d", getpid());
  snprintf(names.queue, sizeof names.queue, "/lichen-escape-%d", getpid());
  snprintf(names.abstract, sizeof names.abstract, "lichen-escape-%d", getpid());
  victim_pid = fork();
  if (victim_pid != 0) {  // the janitor: names in the kernel would outlive us both
    signal(SIGTERM, end_victim);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    while (waitpid(victim_pid, NULL, 0) < 0 && errno == EINTR) continue;
    shm_unlink(names.shared);
    mq_unlink(names.queue);
    return 0;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  alarm(kSecondsToLive);
  must(setpgid(0, 0), "setpgid");
  must(chdir(directory), "chdir");
  seen = open("../seen", O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  must(seen, "seen");
  char* memory = malloc(kSecretBytes);
  snprintf(memory, kSecretBytes, "%s", text);
  must(open("secret", O_RDONLY | O_CLOEXEC), "secret");
  for (int number = 1; number < 65; ++number)
    if (number != SIGALRM) signal(number, on_signal);
  FILE* facts = fopen("../facts.new", "we");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", "socket");
  const int named = listen_at(&address, sizeof address);
  const int abstract = listen_at(&address, abstract_address(&address, names.abstract));
  const int terminal = open_terminal(facts, text);
  make_secrets(directory, &names, text, facts);
  fprintf(facts, "directory=%s\npid=%d\naddress=%p\n", directory, getpid(), (void*)memory);
  fclose(facts);
  must(rename("../facts.new", "../facts"), "facts");
  serve(abstract, named, terminal);
  return 0;
}

int with_key(const char* text, char** command) {
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  const int keyrings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING};
  for (int i = 0; i < 2; ++i) {
    const long key = syscall(SYS_add_key, "user", "lichen-escape", text, strlen(text), keyrings[i]);
    if (key > 0) syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, kSecondsToLive);
  }
  execvp(command[0], command);
  perror(command[0]);
  return 127;
}

int hold(const char* path) {
  char text[kSecretBytes] = "";
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) return 1;
  setenv("SECRET_OF_ANOTHER_STEP", text, 1);
  sleep(4);
  return 0;
}
