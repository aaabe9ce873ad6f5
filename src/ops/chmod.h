// --chmod: octal (0 to 7777) or symbolic (u=rw,go-w,a+X), as chmod(1) means it. Pure.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace lichen::ops {

// The permission bits of a file or directory that had `mode`.
Result<mode_t> change_mode(const std::string& text, mode_t mode, bool is_directory);

}  // namespace lichen::ops
