#include "cli/line_buffer.h"

namespace lichen::cli {

namespace {

std::string visible_part(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t at = line.rfind('\r');
  return std::string(at == std::string_view::npos ? line : line.substr(at + 1));
}

}  // namespace

std::vector<std::string> LineBuffer::add(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    partial_ += text.substr(0, end);
    if (end == std::string_view::npos) break;
    lines.push_back(take_rest());
    text.remove_prefix(end + 1);
  }
  if (partial_.size() > kMaxLineBytes) {
    // Progress bars overwrite themselves for ever; other long lines are broken.
    partial_ = visible_part(partial_);
    if (partial_.size() > kMaxLineBytes) lines.push_back(take_rest());
  }
  return lines;
}

std::string LineBuffer::rest() const {
  return visible_part(partial_);
}

std::string LineBuffer::take_rest() {
  std::string line = rest();
  partial_.clear();
  return line;
}

}  // namespace lichen::cli
