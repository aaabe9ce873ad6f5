#include "cli/progress.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>

#include "base/text.h"
#include "cli/signals.h"

namespace lichen::cli {

namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

// Progress that cannot be shown is no reason to fail.
void write_bytes(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // somebody has made the terminal non-blocking
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

WindowSize window_of(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

int log_lines_of(const Variables& variables) {
  const std::string text = variable(variables, "BUILDKIT_TTY_LOG_LINES");
  int lines = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
  const bool good = error == std::errc() && end == text.data() + text.size() && lines >= 0;
  return good ? lines : TtyOptions{}.log_lines;
}

std::string time_of_day() {
  std::timespec now{};
  (void)std::timespec_get(&now, TIME_UTC);
  return to_rfc3339(now.tv_sec, now.tv_nsec);
}

}  // namespace

Progress::Progress(ProgressMode mode, int fd, const Variables& variables) : fd_(fd) {
  const Writer writer = [fd](std::string_view bytes) { write_bytes(fd, bytes); };
  if (mode == ProgressMode::kTty) {
    hides_cursor_ = true;
    display_ =
        tty_display(writer, {.colour = variable(variables, "NO_COLOR").empty(),
                             .colours = parse_colours(variable(variables, "BUILDKIT_COLORS")),
                             .log_lines = log_lines_of(variables),
                             .window = [fd] { return window_of(fd); }});
  } else if (mode == ProgressMode::kRawJson) {
    display_ = json_display(writer, time_of_day);
  } else if (mode != ProgressMode::kQuiet) {
    display_ = plain_display(writer);
  }
}

Progress::~Progress() {
  finish();
}

build::EventSink Progress::sink() {
  return [this](const build::Event& event) { show(event); };
}

void Progress::show(const build::Event& event) {
  if (display_ == nullptr) return;
  std::lock_guard lock(mutex_);
  if (finished_) return;
  if (!started_) {
    started_ = true;
    if (hides_cursor_) set_hidden_cursor(fd_);
    ticker_ = std::thread([this] { keep_ticking(); });
  }
  display_->show(event, now());
}

void Progress::keep_ticking() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kTick, [this] { return finished_; })) display_->tick(now());
}

void Progress::finish() {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    if (started_) display_->finish(now());
  }
  changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
  if (hides_cursor_) set_hidden_cursor(-1);
}

double Progress::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace lichen::cli
