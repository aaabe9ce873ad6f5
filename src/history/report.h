// One build as one HTML page: timeline with the critical path, cache hits and why the others
// missed, bytes moved, memory, logs. It needs no other file, no server and no script.
//
// Everything that a build wrote is hostile: it is escaped, and the page's own policy allows nothing
// to be loaded or run. Pure.
#pragma once

#include <string>
#include <string_view>

#include "history/record.h"

namespace lichen::history {

std::string report_html(const Build& build);

// Text for HTML: markup is escaped, bytes that are not UTF-8 become U+FFFD, terminal sequences and
// invisible characters that turn text around go.
std::string escaped(std::string_view text);

}  // namespace lichen::history
