// An archive that a user named: a file, or "-" for standard input.
//
//   const os::UniqueFd file = TRY(open_input(path, STDIN_FILENO));
#pragma once

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::transfer {

// `input_fd` is borrowed, and only for "-". kInvalid: a directory.
Result<os::UniqueFd> open_input(const std::string& path, int input_fd);

}  // namespace lichen::transfer
