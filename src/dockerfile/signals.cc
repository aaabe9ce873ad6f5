#include "dockerfile/signals.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

constexpr std::string_view kNames[] = {
    "ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
    "INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
    "SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
    "URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};

bool is_number(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool is_signal(std::string_view text) {
  int number = 0;
  if (is_number(text, number)) return number != 0;
  std::string name = unicode::to_upper(text);
  if (starts_with(name, "SIG")) name = name.substr(3);
  if (std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames)) return true;
  const std::string_view view = name;
  const bool low = starts_with(view, "RTMIN+");
  if (!low && !starts_with(view, "RTMAX-")) return false;
  return is_number(view.substr(6), number) && number >= 1 && number <= (low ? 15 : 14);
}

}  // namespace lichen::dockerfile
