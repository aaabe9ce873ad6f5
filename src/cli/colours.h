// The colours of the tty display: BUILDKIT_COLORS, as buildx reads it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lichen::cli {

struct Colours {  // SGR sequences
  std::string run = "\x1b[34m", cancel = "\x1b[33m", error = "\x1b[31m", warning = "\x1b[33m";
};

// "run=green:error=255,0,0:cancel=yellow:warning=light-cyan". What makes no sense is passed over.
Colours parse_colours(std::string_view text);

}  // namespace lichen::cli
