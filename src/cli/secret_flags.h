// --secret and --ssh of `lichen build`, as docker's. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "build/request.h"
#include "cli/flags.h"
#include "cli/variables.h"

namespace lichen::cli {

// id=ID[,src=FILE|,env=NAME][,type=file|env]; with ID alone: the variable ID, or the file ID.
Result<build::Secret> parse_secret(const std::string& text, const Variables& variables);
// default, ID, or ID=SOCKET.
Result<build::Agent> parse_agent(const std::string& text, const Variables& variables);
Flag secret_guard_flag(build::SecretGuardMode& mode);

}  // namespace lichen::cli
