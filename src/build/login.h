// `lichen login` and `lichen logout`, without their dialogue.
#pragma once

#include <string>

#include "base/result.h"
#include "build/request.h"
#include "registry/credentials.h"

namespace lichen::build {

struct LoginOutcome {
  std::string where;      // a file, or a helper's name
  bool readable = false;  // what was stored stands there as it is, for who can read the file
  std::string warning;    // other credentials come first
};

// The registry that people call `server`: "" is Docker Hub; a URL will do. kInvalid: it is none.
Result<std::string> registry_domain(const std::string& server);
// Stores the credentials once the registry has taken them; in $REGISTRY_AUTH_FILE, or docker's
// config.json.
Result<LoginOutcome> login(const std::string& domain, const registry::Credential& credential,
                           const Environment& environment);

struct LogoutOutcome {
  bool found = false;
  std::string warning;  // there are others left
};
Result<LogoutOutcome> logout(const std::string& domain);

}  // namespace lichen::build
