// Keeps credentials where docker keeps them: in a config.json, or with the helper that it names.
//
//   const std::string where = TRY(store_credential(path, "quay.io", {.username = …}));
//   const bool was_there = TRY(erase_credential(path, "quay.io"));
//
// What else the file says stays. It is replaced at once or not at all, and has mode 0600.
#pragma once

#include <string>

#include "base/result.h"
#include "registry/credentials.h"

namespace lichen::registry {

// Gives where it went, for people: the file, or "docker-credential-NAME".
Result<std::string> store_credential(const std::string& path, const std::string& domain,
                                     const Credential& credential);
// Also what the file itself has beside the helper. false: there was nothing.
Result<bool> erase_credential(const std::string& path, const std::string& domain);

// "https://index.docker.io/v1/" -> "docker.io": how people write a registry, and keys of "auths".
std::string domain_of_server(std::string server);

}  // namespace lichen::registry
