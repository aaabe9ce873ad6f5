// How progress is shown. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/variables.h"

namespace lichen::cli {

enum class ProgressMode {
  kAuto,
  kPlain,    // one line after the other
  kTty,      // running steps are redrawn
  kRawJson,  // BuildKit's status stream
  kQuiet,    // nothing but errors
};

Result<ProgressMode> parse_progress(const std::string& text);

// What kAuto means here. kTty on something else than a terminal is an error.
Result<ProgressMode> choose_progress(ProgressMode asked, bool is_terminal,
                                     const Variables& variables);

}  // namespace lichen::cli
