// Questions to the person at the terminal.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"

namespace lichen::cli {

// Both standard input and standard error are a terminal.
bool can_prompt();
// Shows `question` on standard error and reads a line; without `echo` nobody sees it. kCancelled:
// Ctrl-C, or the end of the input.
Result<std::string> prompt(const std::string& question, bool echo,
                           const std::atomic<bool>* cancelled);
// Standard input to its end, without the newline there.
Result<std::string> read_password_from_stdin();

}  // namespace lichen::cli
