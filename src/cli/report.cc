#include "cli/report.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace lichen::cli {

namespace {

// False with errno when not all could be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Lines after the first are indented, so that foreign text cannot pose as a line of ours.
std::string lines_of(std::string_view text) {
  std::string shown;
  for (const std::string& line : split(trim(text), '\n'))
    shown += (shown.empty() ? "" : "\n  ") + printable(line);
  return shown;
}

}  // namespace

std::string error_text(const Error& error) {
  std::string text = error.detail;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += "lichen: " + lines_of(to_text(error)) + "\n";
  if (!error.hint.empty()) text += "hint: " + lines_of(error.hint) + "\n";
  return text;
}

int report(const Error& error) {
  write_all(STDERR_FILENO, error_text(error));
  return exit_status(error.code);
}

int report_usage(const Error& error) {
  const int status = report(error);
  return error.code == Errc::kInvalid ? kUsageStatus : status;
}

void warn(std::string_view text) {
  write_all(STDERR_FILENO, "lichen: warning: " + lines_of(text) + "\n");
}

int print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text) || errno == EPIPE) return 0;
  return report(os_error("write", "standard output"));
}

}  // namespace lichen::cli
