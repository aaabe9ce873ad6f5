// Signalling the host's processes and the builder. SIGWINCH and SIGURG do nothing to who does not
// ask for them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "escapes.h"

// One signal for each attempt whose success the kernel does not tell.
enum { kByOwner = 40, kByOwnerEx, kByIoctl, kByRace, kToGroup };

// Process 1 is the step's own, or its init, which cannot be reached by default.
static int any_other(long nr, int signal) {
  siginfo_t info = {.si_code = SI_QUEUE};
  int done = 0;
  FOR_OTHERS(pid) {
    if (*at_ == 1) continue;
    switch (nr) {
      case SYS_tgkill:
        done |= syscall(nr, *at_, *at_, signal) == 0;
        break;
      case SYS_rt_sigqueueinfo:
        done |= syscall(nr, *at_, signal, &info) == 0;
        break;
      case SYS_rt_tgsigqueueinfo:
        done |= syscall(nr, *at_, *at_, signal, &info) == 0;
        break;
      default:
        done |= syscall(nr, *at_, signal) == 0;
    }
  }
  return done;
}

static const char* by_kill(void) {
  return verdict(any_other(SYS_kill, SIGWINCH) || any_other(SYS_kill, 0));
}
static const char* by_tkill(void) {
  return verdict(any_other(SYS_tkill, SIGWINCH) || any_other(SYS_tgkill, SIGWINCH));
}
static const char* by_queue(void) {
  return verdict(any_other(SYS_rt_sigqueueinfo, SIGWINCH) ||
                 any_other(SYS_rt_tgsigqueueinfo, SIGWINCH));
}

static const char* by_pidfd(void) {
  char path[40];
  FOR_OTHERS(pid) {
    if (*at_ == 1) continue;
    const int pidfd = (int)syscall(SYS_pidfd_open, *at_, 0);
    if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGWINCH, NULL, 0) == 0) return ESCAPED;
    if (pidfd >= 0) close(pidfd);
    snprintf(path, sizeof path, "/proc/%d", *at_);
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0 && syscall(SYS_pidfd_send_signal, directory, SIGWINCH, NULL, 0) == 0)
      return ESCAPED;
    if (directory >= 0) close(directory);
  }
  return STOPPED;
}

static const char* to_group(void) {
  return kill(-victim(), kToGroup) == 0 ? ESCAPED : STOPPED;
}
static const char* to_all(void) {
  kill(-1, SIGURG);
  return sent(SIGURG);
}

// Whoever started us survives whatever we send: in a pid namespace it is process 1, which nothing
// from within reaches, and elsewhere nobody of ours.
static const char* to_parent(void) {
  const int signals[] = {SIGTERM, SIGINT,  SIGHUP, SIGQUIT, SIGUSR1,
                         SIGALRM, SIGPIPE, SIGIO,  SIGSTOP, SIGKILL};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i)
    if (!on_host() && kill(parent_of_step, signals[i]) == 0 && parent_of_step != 1) return ESCAPED;
  return STOPPED;
}

// A descriptor that becomes ready signals whom it was told to.
static void become_ready(int ends[2], int signal) {
  fcntl(ends[0], F_SETSIG, signal);
  fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
}
static const char* by_owner(void) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  become_ready(ends, kByOwner);
  fcntl(ends[0], F_SETOWN, victim());
  if (write(ends[1], "x", 1) != 1) return STOPPED;
  fcntl(ends[0], F_SETOWN, -victim());
  if (write(ends[1], "x", 1) != 1) return STOPPED;
  return sent(kByOwner);
}
static const char* by_owner_ex(void) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  become_ready(ends, kByOwnerEx);
  struct f_owner_ex owner = {F_OWNER_PID, victim()};
  fcntl(ends[0], F_SETOWN_EX, &owner);
  if (write(ends[1], "x", 1) != 1) return STOPPED;
  owner.type = F_OWNER_TID;
  fcntl(ends[0], F_SETOWN_EX, &owner);
  return write(ends[1], "x", 1) == 1 ? sent(kByOwnerEx) : STOPPED;
}
static const char* by_ioctl(void) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  become_ready(ends, kByIoctl);
  const int target = victim();
  ioctl(ends[0], FIOSETOWN, &target);
  if (write(ends[1], "x", 1) != 1) return STOPPED;
  ioctl(ends[0], SIOCSPGRP, &target);
  return write(ends[1], "x", 1) == 1 ? sent(kByIoctl) : STOPPED;
}

static struct f_owner_ex raced = {F_OWNER_PID, 0};
static atomic_int is_over;
static void* change_owner(void* unused) {
  const pid_t pids[] = {getpid(), victim()};
  (void)unused;
  for (unsigned i = 0; !is_over; ++i)
    __atomic_store_n(&raced.pid, pids[i / 64 % 2], __ATOMIC_RELAXED);
  return NULL;
}
static const char* by_race(void) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  signal(kByRace, SIG_IGN);
  become_ready(ends, kByRace);
  pthread_t thread;
  pthread_create(&thread, NULL, change_owner, NULL);
  const double end = now() + 0.5;
  while (now() < end) {
    fcntl(ends[0], F_SETOWN_EX, &raced);
    char byte;
    if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1) break;
  }
  is_over = 1;
  pthread_join(thread, NULL);
  return sent(kByRace);
}

static const char* by_timer(void) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGWINCH};
  timer_t timer;
  FOR_OTHERS(pid) {
    event._sigev_un._tid = *at_;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0) return ESCAPED;
  }
  return STOPPED;
}

// A child whose parent is ours: its end is told to whoever that is, with a signal of our choice.
static const char* by_end_of_child(void) {
  for (int signal = 0; signal < 64; ++signal) {
    const long pid =
        syscall(SYS_clone, CLONE_PARENT | (unsigned long)signal, NULL, NULL, NULL, NULL);
    if (pid == 0) _exit(0);
  }
  usleep(50000);
  return STOPPED;  // if the builder does not go on, the test sees that
}

static const char* by_death_of_parent(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGWINCH);
      _exit(0);
    }
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return STOPPED;
}

const struct Attempt signal_attempts[] = {
    {"signal_kill", by_kill, NULL},
    {"signal_tkill", by_tkill, NULL},
    {"signal_queue", by_queue, NULL},
    {"signal_pidfd", by_pidfd, NULL},
    {"signal_group", to_group, NULL},
    {"signal_all", to_all, NULL},
    {"signal_parent", to_parent, "there is no step whose parent it would be"},
    {"signal_by_owner", by_owner, NULL},
    {"signal_by_owner_ex", by_owner_ex, NULL},
    {"signal_by_ioctl", by_ioctl, NULL},
    {"signal_by_race", by_race, NULL},
    {"signal_by_timer", by_timer, "the kernel lets timers signal their own process only"},
    {"signal_by_end_of_child", by_end_of_child, "it is the builder that must withstand it"},
    {"signal_by_death_of_parent", by_death_of_parent, "a process can ask for itself only"},
    {0},
};
