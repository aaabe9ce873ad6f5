#include "cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <initializer_list>

namespace lichen::cli {

namespace {

constexpr std::time_t kImpatientSeconds = 3;

std::atomic<bool> cancelled{false};
std::atomic<int> hidden_cursor{-1};
std::atomic<std::time_t> last_interrupt{0};
build::SignalRelay relay;
int relay_end = -1;  // where the handler writes
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<std::time_t>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  const int saved = errno;
  if (relay.wanted.load()) {
    const char number = static_cast<char>(signal);
    (void)!::write(relay_end, &number, 1);
  } else if (signal != SIGWINCH) {
    cancelled.store(true);
  }
  if (signal == SIGINT) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::time_t before = last_interrupt.exchange(now.tv_sec);
    if (before != 0 && now.tv_sec - before <= kImpatientSeconds) {
      constexpr char kShowCursor[] = "\x1b[?25h\n";
      if (const int fd = hidden_cursor.load(); fd >= 0)
        (void)!::write(fd, kShowCursor, sizeof kShowCursor - 1);
      ::_exit(128 + SIGINT);
    }
  }
  errno = saved;
}

void handle(std::initializer_list<int> signals) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : signals) {
    struct sigaction before {};
    // nohup and background jobs of a shell ignore some of them on purpose.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace

std::atomic<bool>* install_signal_handlers() {
  handle({SIGINT, SIGTERM, SIGHUP});
  ::signal(SIGPIPE, SIG_IGN);
  return &cancelled;
}

build::SignalRelay* pass_signals() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return nullptr;
  relay.numbers = os::UniqueFd(ends[0]);
  relay_end = ends[1];
  handle({SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH});
  return &relay;
}

void set_hidden_cursor(int fd) {
  hidden_cursor.store(fd);
}

}  // namespace lichen::cli
