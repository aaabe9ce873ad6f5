#include "dockerfile/lexer.h"

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/parser.h"

namespace lichen::dockerfile {

namespace {

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) {
  return starts_with(unicode::trim_left(line), "#");
}

}  // namespace

Lexer::Lexer(std::string_view text) : rest_(text) {
  if (starts_with(rest_, "\xef\xbb\xbf")) rest_.remove_prefix(3);
}

Result<std::optional<std::string_view>> Lexer::physical() {
  using Found = std::optional<std::string_view>;
  if (rest_.empty()) return Found();
  const std::size_t end = rest_.find('\n');
  const std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
  ++line_;
  if (line.size() > kMaxLineBytes)
    return fail(Errc::kInvalid, "dockerfile line greater than maximum allowed size of 65535");
  rest_.remove_prefix(line.size());
  return Found(line);
}

Result<bool> Lexer::directive(std::string_view line) {
  const auto found = TRY(directives_.line(line));
  if (!found) return false;
  if (found->name == "escape") {
    if (found->value != "\\" && found->value != "`")
      return fail(Errc::kInvalid,
                  "invalid escape token '" + found->value + "' does not match ` or \\");
    escape_ = found->value[0];
  }
  return true;
}

// Removes an escape character and blanks at the end of `line`. A doubled one does not continue.
bool Lexer::take_continuation(std::string_view& line) const {
  const std::size_t last = line.find_last_not_of(" \t");
  if (last == std::string_view::npos || line[last] != escape_) return false;
  if (last > 0 && line[last - 1] == escape_) return false;
  line = line.substr(0, last);
  return true;
}

Result<std::optional<LogicalLine>> Lexer::next() {
  using Found = std::optional<LogicalLine>;
  LogicalLine logical;
  for (;;) {
    first_ = line_ + 1;
    const auto physical_line = TRY(physical());
    if (!physical_line) return Found();
    std::string_view line = unicode::trim_left(without_line_end(*physical_line));
    const bool is_directive = TRY(directive(line));
    if (is_comment(line)) {
      const std::string_view comment = unicode::trim(line.substr(1));
      if (is_directive || comment.empty())
        logical.comments.clear();
      else
        logical.comments.emplace_back(comment);
      continue;
    }
    bool continues = take_continuation(line);
    if (!continues && line.empty()) continue;
    logical.text = line;
    while (continues) {
      const auto next_line = TRY(physical());
      if (!next_line) break;
      std::string_view more = without_line_end(*next_line);
      TRY(directive(more));
      if (is_comment(more)) continue;
      if (unicode::trim_left(more).empty()) {
        logical.empty_continuation = true;
        continue;
      }
      continues = take_continuation(more);
      logical.text += more;
    }
    logical.lines = lines();
    return Found(std::move(logical));
  }
}

Result<std::string> Lexer::heredoc(std::string_view terminator, bool chomp) {
  std::string body;
  for (;;) {
    const auto line = TRY(physical());
    if (!line) return fail(Errc::kInvalid, "unterminated heredoc");
    std::string_view candidate = without_line_end(*line);
    if (chomp)
      candidate.remove_prefix(std::min(candidate.find_first_not_of('\t'), candidate.size()));
    if (candidate == terminator) return body;
    body += *line;
  }
}

}  // namespace lichen::dockerfile
