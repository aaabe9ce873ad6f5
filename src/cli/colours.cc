#include "cli/colours.h"

#include <charconv>
#include <iterator>
#include <optional>
#include <vector>

#include "base/text.h"

namespace lichen::cli {

namespace {

// In the order of their codes.
constexpr const char* kNames[] = {"black", "red",     "green", "yellow",
                                  "blue",  "magenta", "cyan",  "white"};

std::optional<std::string> rgb_sequence(const std::vector<std::string>& parts) {
  if (parts.size() != 3) return std::nullopt;
  std::string sequence = "\x1b[38;2";
  for (const std::string& part : parts) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value > 255)
      return std::nullopt;
    sequence += ";" + std::to_string(value);
  }
  return sequence + "m";
}

std::optional<std::string> sequence_of(const std::string& colour) {
  if (colour == "default") return "\x1b[39m";
  const bool is_light = starts_with(colour, "light-");
  const std::string name = is_light ? colour.substr(6) : colour;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return "\x1b[" + std::to_string((is_light ? 90 : 30) + i) + "m";
  return rgb_sequence(split(colour, ','));
}

}  // namespace

Colours parse_colours(std::string_view text) {
  Colours colours;
  for (const std::string& field : split(text, ':')) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = to_lower(field.substr(0, equals));
    const auto sequence = sequence_of(to_lower(field.substr(equals + 1)));
    if (!sequence) continue;
    if (name == "run") colours.run = *sequence;
    if (name == "cancel") colours.cancel = *sequence;
    if (name == "error") colours.error = *sequence;
    if (name == "warning") colours.warning = *sequence;
  }
  return colours;
}

}  // namespace lichen::cli
