#include "cli/prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <optional>

#include "os/fd.h"
#include "os/file.h"

namespace lichen::cli {

namespace {

constexpr std::size_t kMaxPassword = 64 * 1024;
constexpr int kPollMs = 100;

// The terminal does not show what is typed while this lives.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL | ICANON;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  bool works() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string> read_line(const std::atomic<bool>* cancelled) {
  std::string line;
  for (;;) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&input, 1, kPollMs);
    if (cancelled != nullptr && cancelled->load()) return fail(Errc::kCancelled, "cancelled");
    if (ready <= 0) continue;
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count <= 0) return fail(Errc::kCancelled, "cancelled");
    if (byte == '\n') return line;
    line += byte;
    if (line.size() > kMaxPassword) return fail(Errc::kInvalid, "the line is too long");
  }
}

}  // namespace

bool can_prompt() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

Result<std::string> prompt(const std::string& question, bool echo,
                           const std::atomic<bool>* cancelled) {
  std::optional<Silence> silence;
  if (!echo) silence.emplace();
  if (silence && !silence->works())
    return fail(Errc::kUnsupported, "this terminal cannot hide what is typed",
                "use --password-stdin");
  (void)!::write(STDERR_FILENO, question.data(), question.size());
  return read_line(cancelled);
}

Result<std::string> read_password_from_stdin() {
  const os::UniqueFd input(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!input.valid()) return fail(os_error("read", "standard input"));
  std::string text = TRY(os::read_file(input, kMaxPassword));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace lichen::cli
