// A build's record, in which stands what hostile steps wrote: lines read back as they were, and the
// page that is made of any record has no markup but its own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "history/record.h"
#include "history/report.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  history::Build build{.id = "fuzz", .error = std::string(text)};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const auto entry = history::parse_entry(text.substr(at, end - at))) {
      const std::string line = history::to_line(*entry);
      const auto again = history::parse_entry(line);
      LICHEN_ASSERT(again && history::to_line(*again) == line);
      build.add(*entry);
    }
    at = end + 1;
  }
  build.add({.kind = history::Kind::kLog, .step = 1, .text = std::string(text)});
  const std::string html = history::escaped(text);
  LICHEN_ASSERT(html.find_first_of("<>\"'\x1b") == std::string::npos);
  LICHEN_ASSERT(!history::report_html(build).empty());
  if (const auto spec = history::parse_spec(text))
    LICHEN_ASSERT(history::parse_spec(history::to_json(*spec)));
  return 0;
}
