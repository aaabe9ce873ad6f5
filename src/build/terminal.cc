#include "build/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "os/file.h"

namespace lichen::build {

namespace {

constexpr int kSizePollMs = 200;  // the window's size is looked at this often; no SIGWINCH handler

void copy_window_size(int from, int to) {
  winsize size{}, current{};
  if (::ioctl(from, TIOCGWINSZ, &size) != 0 || ::ioctl(to, TIOCGWINSZ, &current) != 0) return;
  if (size.ws_row != current.ws_row || size.ws_col != current.ws_col)
    ::ioctl(to, TIOCSWINSZ, &size);
}

// Moves what there is; false at the end.
bool carry(int from, const os::UniqueFd& to) {
  char buffer[8192];
  const ssize_t count = ::read(from, buffer, sizeof buffer);
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  return os::write_all(to, {buffer, static_cast<std::size_t>(count)}).has_value();
}

}  // namespace

Result<Terminal> Terminal::open() {
  Terminal terminal;
  terminal.master_ = os::UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.master_.valid() || ::grantpt(terminal.master_.get()) != 0 ||
      ::unlockpt(terminal.master_.get()) != 0)
    return fail(os_error("open", "a pseudo terminal"));
  char name[128];
  if (::ptsname_r(terminal.master_.get(), name, sizeof name) != 0)
    return fail(os_error("open", "a pseudo terminal"));
  terminal.slave_ = TRY(os::open(name, O_RDWR | O_NOCTTY));
  terminal.stop_ = os::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  copy_window_size(STDIN_FILENO, terminal.master_.get());
  return terminal;
}

void Terminal::start(bool interactive) {
  slave_.reset();  // the container has its own; when it closes them the master says so
  termios raw{};
  if (interactive && ::tcgetattr(STDIN_FILENO, &raw) == 0) {
    before_ = raw;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  thread_ = std::thread([this, interactive] {
    const os::UniqueFd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    bool input = interactive;
    for (;;) {
      pollfd polled[3] = {{master_.get(), POLLIN, 0},
                          {input ? STDIN_FILENO : -1, POLLIN, 0},
                          {stop_.get(), POLLIN, 0}};
      if (::poll(polled, 3, kSizePollMs) < 0 && errno != EINTR) return;
      copy_window_size(STDIN_FILENO, master_.get());
      if (polled[0].revents != 0) {
        if (!carry(master_.get(), out)) return;
        continue;  // output first, so that nothing is left when we are told to stop
      }
      if (polled[1].revents != 0) input = carry(STDIN_FILENO, master_);
      if (polled[2].revents != 0) return;
    }
  });
}

void Terminal::finish() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

Terminal::~Terminal() {
  if (thread_.joinable()) finish();
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

}  // namespace lichen::build
