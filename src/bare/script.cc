#include "bare/script.h"

namespace lichen::bare {

namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kEnds{" \t\0", 3};

}  // namespace

bool is_script(std::string_view head) {
  return head.substr(0, 2) == "#!";
}

std::optional<Script> parse_script(std::string_view head) {
  if (!is_script(head)) return std::nullopt;
  head = head.substr(0, kScriptHeadBytes);
  const bool is_whole_file = head.size() < kScriptHeadBytes;
  std::string_view line = head.substr(2);
  const std::size_t end = line.find('\n');
  const std::size_t nul = line.find('\0');
  if (end != line.npos && end < nul) {
    line = line.substr(0, end);
  } else {
    // No line end: it is fine if at least the interpreter's name is whole.
    const std::size_t name = line.find_first_not_of(kBlanks);
    if (name == line.npos) return std::nullopt;
    if (!is_whole_file && line.find_first_of(kEnds, name) == line.npos) return std::nullopt;
    line = line.substr(0, kScriptHeadBytes - 3);  // the last byte is only looked at
  }
  // A C string, without the blanks around it.
  line = line.substr(0, line.find('\0'));
  const std::size_t last = line.find_last_not_of(kBlanks);
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == line.npos) return std::nullopt;
  line = line.substr(first, last + 1 - first);

  Script script;
  const std::size_t name_end = line.find_first_of(kBlanks);
  script.interpreter = std::string(line.substr(0, name_end));
  if (name_end == line.npos) return script;
  line.remove_prefix(line.find_first_not_of(kBlanks, name_end));
  script.argument = std::string(line);
  return script;
}

}  // namespace lichen::bare
