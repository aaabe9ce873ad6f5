// Leaving a process behind. Each has a name that the test looks for when the step is over, and ends
// by itself in the end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

enum { kSecondsToLive = 45 };

static char name[16];

static void be_called(const char* suffix) {
  snprintf(name, sizeof name, "%s%s", fact("tag"), suffix);
}
static void ignore_signals(void) {
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}
// What is left: it has no descriptor that would make anybody wait for it.
static void stay(void) {
  prctl(PR_SET_NAME, name);
  close(0);
  close(1);
  close(2);
  const double end = now() + kSecondsToLive;
  while (now() < end) usleep(10000);
  _exit(0);
}
// Until it is there, so that it cannot be said to have come too late.
static const char* settled(void) {
  usleep(30000);
  return left(name);
}

static const char* plain(void) {
  be_called("a");
  if (fork() == 0) stay();
  return settled();
}
static const char* daemonized(void) {
  be_called("b");
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      chdir("/");
      stay();
    }
    _exit(0);
  }
  wait(NULL);
  return settled();
}
static const char* ignoring(void) {
  be_called("c");
  if (fork() == 0) {
    ignore_signals();
    setsid();
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    stay();
  }
  return settled();
}
static const char* subreaper(void) {
  be_called("d");
  if (fork() == 0) {
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (fork() == 0 && fork() == 0) stay();
    stay();
  }
  return settled();
}
static const char* of_parent(void) {
  be_called("e");
  const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) stay();
  return settled();
}
static const char* without_signal(void) {
  be_called("f");
  if (syscall(SYS_clone, 0, NULL, NULL, NULL, NULL) == 0) stay();
  return settled();
}
static const char* vforked(void) {
  be_called("g");
  if (fork() == 0) {
    setsid();
    if (vfork() == 0) stay();
    _exit(0);
  }
  return settled();
}
// The kernel does not attach a tracer to the child.
static const char* untraced(void) {
  be_called("h");
  if (syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, NULL, NULL, NULL, NULL) == 0) stay();
  return settled();
}
static const char* untraced_daemon(void) {
  be_called("i");
  if (syscall(SYS_clone, CLONE_UNTRACED | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL) == 0) {
    setsid();
    ignore_signals();
    stay();
  }
  return settled();
}
static void* stay_as_thread(void* unused) {
  (void)unused;
  stay();
  return NULL;
}
static const char* leaderless(void) {
  be_called("j");
  if (fork() == 0) {
    prctl(PR_SET_NAME, name);
    pthread_t thread;
    pthread_create(&thread, NULL, stay_as_thread, NULL);
    syscall(SYS_exit, 0);  // the first thread alone
  }
  return settled();
}
static const char* stopped_child(void) {
  be_called("k");
  if (fork() == 0) {
    prctl(PR_SET_NAME, name);
    close(1);
    close(2);
    raise(SIGSTOP);
    stay();
  }
  return settled();
}
// Always another process: whoever lists and then kills comes too late.
static const char* forking(void) {
  be_called("l");
  if (fork() == 0) {
    setsid();
    prctl(PR_SET_NAME, name);
    close(0);
    close(1);
    close(2);
    signal(SIGCHLD, SIG_IGN);
    const double end = now() + kSecondsToLive;
    while (now() < end) {
      if (fork() > 0) _exit(0);
      usleep(1000);  // whoever inherits them has to reap as fast
    }
    _exit(0);
  }
  return settled();
}
static const char* many(void) {
  be_called("m");
  for (int i = 0; i < 60; ++i) {
    if (fork() != 0) continue;
    if (i % 2 == 0) setsid();
    stay();
  }
  return settled();
}
static const char* in_namespace(void) {
  be_called("n");
  if (fork() == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) unshare(CLONE_NEWPID);
    if (fork() == 0) stay();
    _exit(0);
  }
  return settled();
}

const struct Attempt outlive_attempts[] = {
    {"outlive_plain", plain, NULL},
    {"outlive_daemon", daemonized, NULL},
    {"outlive_ignoring_signals", ignoring, NULL},
    {"outlive_subreaper", subreaper, NULL},
    {"outlive_clone_parent", of_parent, NULL},
    {"outlive_clone_without_signal", without_signal, NULL},
    {"outlive_vfork", vforked, NULL},
    {"outlive_untraced", untraced, NULL},
    {"outlive_untraced_daemon", untraced_daemon, NULL},
    {"outlive_without_leader", leaderless, NULL},
    {"outlive_stopped", stopped_child, NULL},
    {"outlive_forking", forking, NULL},
    {"outlive_many", many, NULL},
    {"outlive_namespace", in_namespace, NULL},
    {0},
};
