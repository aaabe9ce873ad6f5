#include "cli/history_lines.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cli/format.h"

namespace lichen::cli {

namespace {

constexpr std::size_t kShownCharacters = 45;

// One line, however the command was written.
std::string one_line(const std::string& text) {
  std::string line = text;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  return printable(line);
}

}  // namespace

std::vector<HistoryLine> history_lines(const std::vector<oci::History>& history,
                                       const std::vector<oci::Descriptor>& layers) {
  std::vector<HistoryLine> lines;
  auto layer = layers.begin();
  for (const oci::History& entry : history) {
    HistoryLine line{.entry = entry};
    if (!entry.empty_layer && layer != layers.end()) line.bytes = (layer++)->size;
    lines.push_back(std::move(line));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

std::string history_table(const std::vector<HistoryLine>& lines, std::int64_t now, bool no_trunc) {
  std::vector<std::vector<std::string>> rows = {{"CREATED", "CREATED BY", "SIZE", "COMMENT"}};
  for (const HistoryLine& line : lines) {
    const auto created = parse_rfc3339(line.entry.created);
    const std::string command = one_line(line.entry.created_by);
    rows.push_back({created ? human_ago(now - *created) : "N/A",
                    no_trunc ? command : shorten(command, kShownCharacters), human_size(line.bytes),
                    one_line(line.entry.comment)});
  }
  return table(rows);
}

}  // namespace lichen::cli
