// `lichen debug shell STEP`: its flags as data, and the command itself.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/debug_shell.h"
#include "cli/commands.h"
#include "cli/flags.h"

namespace lichen::cli {

struct ShellOptions {
  bool before = false, after = false, failed = false;
  std::string build;
  std::vector<std::string> secrets, agents;
};
void add_shell_flags(std::vector<Flag>& flags, ShellOptions& options);

// `arguments`: STEP [COMMAND…], or a command alone: `dashes` stood before it. Pure.
Result<build::ShellRequest> parse_shell(const ShellOptions& options,
                                        const std::vector<std::string>& arguments, bool dashes,
                                        const Variables& variables);

Result<int> run_shell(build::ShellRequest request, build::Environment environment);

}  // namespace lichen::cli
