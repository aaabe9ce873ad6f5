// Tries to get out of a step, one attempt a line: "escape: NAME RESULT", where RESULT is stopped,
// ESCAPED, "not here: REASON", "sent SIGNAL" or "left NAME" (the test outside knows what became of
// those). Used by tests/integration/escapes.sh.
//
//   escapes FACTS GROUP...          the attempts of those groups
//   escapes list GROUP...           their names, and why one cannot succeed on the host either
//   escapes witness DIR             the host's secrets, and a process that is a victim (witness.c)
//   escapes landlock                the kernel's Landlock ABI
//   escapes keyring SECRET COMMAND  runs a command that has a key
//   escapes hold FILE               another step that has a secret in its memory
//   escapes keeper STATUS COMMAND   runs a command, writes its exit status to a file, and is the
//                                   parent of all it leaves behind until SIGTERM, which ends them
//   escapes left NAME SECONDS       exit status 0: a process of that name shows within that time
#define _GNU_SOURCE
#include <errno.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

enum { kSecondsEach = 40, kResultBytes = 200 };

static const struct {
  const char* name;
  const struct Attempt* attempts;
} kGroups[] = {
    {"read", read_attempts},     {"mount", mount_attempts},     {"process", process_attempts},
    {"signal", signal_attempts}, {"outlive", outlive_attempts}, {"race", race_attempts},
    {"text", text_attempts},     {"other", other_attempts},     {"exhaust", exhaust_attempts},
};

pid_t parent_of_step;

static const struct Attempt* find_group(const char* name) {
  for (size_t i = 0; i < sizeof kGroups / sizeof *kGroups; ++i)
    if (strcmp(kGroups[i].name, name) == 0) return kGroups[i].attempts;
  fprintf(stderr, "escapes: no group %s\n", name);
  exit(2);
}

static void try(const struct Attempt* attempt, char* result) {
  strcpy(result, "DIED");
  const double end = now() + kSecondsEach;
  const pid_t pid = fork();
  if (pid == 0) {
    snprintf(result, kResultBytes, "%s", attempt->run());
    _exit(0);
  }
  if (pid < 0) {
    printf("escape: %s CANNOT FORK: %s\n", attempt->name, strerror(errno));
    return;
  }
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (now() > end) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      strcpy(result, "HUNG");
      break;
    }
    usleep(2000);
  }
  if (strcmp(result, "DIED") == 0) snprintf(result, kResultBytes, "DIED: wait status %d", status);
  printf("escape: %s %s\n", attempt->name, result);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char* name = strrchr(argv[0], '/');
  if (strcmp(name != NULL ? name + 1 : argv[0], "program") == 0) return MARK_OF_HOST;
  if (argc == 2 && strcmp(argv[1], "landlock") == 0) {
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    printf("%ld\n", abi < 0 ? 0 : abi);
    return 0;
  }
  if (argc == 3 && strcmp(argv[1], "witness") == 0) return witness(argv[2]);
  if (argc == 4 && strcmp(argv[1], "left") == 0) return is_left(argv[2], atof(argv[3]));
  if (argc == 3 && strcmp(argv[1], "hold") == 0) return hold(argv[2]);
  if (argc > 3 && strcmp(argv[1], "keyring") == 0) return with_key(argv[2], argv + 3);
  if (argc > 3 && strcmp(argv[1], "keeper") == 0) return keeper(argv[2], argv + 3);
  if (argc < 3) return 2;
  const int list = strcmp(argv[1], "list") == 0;
  if (!list) read_facts(argv[1]);
  parent_of_step = getppid();
  char* result =
      mmap(NULL, kResultBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 2; i < argc; ++i) {
    for (const struct Attempt* at = find_group(argv[i]); at->name != NULL; ++at) {
      if (list)
        printf("%s %s\n", at->name, at->not_on_host != NULL ? at->not_on_host : "-");
      else
        try(at, result);
    }
  }
  return 0;
}
