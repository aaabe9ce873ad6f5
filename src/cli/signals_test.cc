#include "cli/signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lichen::cli {
namespace {

// What `work` exits with, in a process of its own: handlers are for good.
template <class F>
int status_of(F work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Signals, OneAsksForAnOrderlyEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const auto flag_is_set = [signal] {
      ::signal(signal, SIG_DFL);
      const auto* flag = install_signal_handlers();
      if (flag->load()) return 1;
      ::raise(signal);
      return flag->load() ? 42 : 2;
    };
    EXPECT_EQ(status_of(flag_is_set), 42) << signal;
  }
}

TEST(Signals, TheSecondInterruptEndsAtOnceAndShowsTheCursor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(status_of([&] {
              ::signal(SIGINT, SIG_DFL);
              install_signal_handlers();
              set_hidden_cursor(ends[1]);
              ::raise(SIGINT);
              ::raise(SIGINT);
              return 1;
            }),
            130);
  char text[16] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof text), 7);
  EXPECT_STREQ(text, "\x1b[?25h\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Signals, ArePassedOnWhileACommandWantsThem) {
  EXPECT_EQ(status_of([] {
              for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, SIG_DFL);
              const auto* flag = install_signal_handlers();
              build::SignalRelay* relay = pass_signals();
              relay->wanted = true;
              for (const int signal : {SIGTERM, SIGQUIT, SIGUSR1, SIGWINCH}) ::raise(signal);
              char numbers[8];
              if (::read(relay->numbers.get(), numbers, sizeof numbers) != 4) return 1;
              if (numbers[0] != SIGTERM || numbers[3] != SIGWINCH || flag->load()) return 2;
              relay->wanted = false;
              ::raise(SIGWINCH);
              if (flag->load()) return 3;
              ::raise(SIGUSR1);
              return flag->load() ? 42 : 4;
            }),
            42);
  const auto is_impatient = [] {
    ::signal(SIGINT, SIG_DFL);
    install_signal_handlers();
    pass_signals()->wanted = true;
    ::raise(SIGINT);
    ::raise(SIGINT);
    return 1;
  };
  EXPECT_EQ(status_of(is_impatient), 130);
}

TEST(Signals, WhatIsIgnoredStaysIgnored) {
  EXPECT_EQ(status_of([] {
              ::signal(SIGHUP, SIG_IGN);
              const auto* flag = install_signal_handlers();
              ::raise(SIGHUP);
              return flag->load() ? 1 : 42;
            }),
            42);
}

}  // namespace
}  // namespace lichen::cli
