#include <algorithm>

#include "base/text.h"
#include "cli/display.h"

namespace lichen::cli {

std::string warning_text(const build::Warning& warning) {
  std::string text;
  if (!warning.file.empty()) {
    text = printable(warning.file) + ":";
    if (warning.line > 0) text += std::to_string(warning.line) + ":";
    text += " ";
  }
  text += "warning: ";
  if (!warning.rule.empty()) text += warning.rule + ": ";
  return text + printable(warning.text);
}

bool WarningSummary::add(const build::Warning& warning) {
  if (warning.file.empty()) return false;
  std::string line = warning.rule.empty() ? "" : warning.rule + ": ";
  line += printable(warning.text);
  if (warning.line > 0) line += " (line " + std::to_string(warning.line) + ")";
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end())
    lines_.push_back(std::move(line));
  return true;
}

std::string WarningSummary::text(bool colour) const {
  if (lines_.empty()) return {};
  std::string text =
      lines_.size() == 1 ? "1 warning found" : std::to_string(lines_.size()) + " warnings found";
  text += " (use --check to expand):";
  if (colour) text = "\x1b[33m" + text + "\x1b[0m";
  text = "\n " + text + "\n";
  for (const std::string& line : lines_) text += " - " + line + "\n";
  return text;
}

}  // namespace lichen::cli
