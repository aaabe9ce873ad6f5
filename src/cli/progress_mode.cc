#include "cli/progress_mode.h"

#include "base/hint.h"
#include "base/text.h"

namespace lichen::cli {

Result<ProgressMode> parse_progress(const std::string& text) {
  const std::vector<std::string> modes = {"auto", "plain", "tty", "rawjson", "quiet"};
  if (text == "auto") return ProgressMode::kAuto;
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "tty") return ProgressMode::kTty;
  if (text == "quiet" || text == "none") return ProgressMode::kQuiet;
  if (text == "rawjson") return ProgressMode::kRawJson;
  return fail(Errc::kInvalid, "unknown progress \"" + printable(text) + "\"",
              hint_for(text, modes));
}

Result<ProgressMode> choose_progress(ProgressMode asked, bool is_terminal,
                                     const Variables& variables) {
  if (asked == ProgressMode::kTty && !is_terminal)
    return fail(Errc::kInvalid, "--progress=tty: standard error is not a terminal",
                "use --progress=plain, or auto");
  if (asked != ProgressMode::kAuto) return asked;
  const bool can_move =
      is_terminal && variable(variables, "TERM") != "dumb" && !variable(variables, "TERM").empty();
  return can_move ? ProgressMode::kTty : ProgressMode::kPlain;
}

}  // namespace lichen::cli
