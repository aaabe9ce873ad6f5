// Programs that keep credentials: docker-credential-NAME, spoken to by standard input and output.
// Secrets are never part of an error or of a command line. Each call blocks until the program ends.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "registry/credentials.h"

namespace lichen::registry {

bool is_helper_name(const std::string& name);         // no path
std::string helper_program(const std::string& name);  // "docker-credential-NAME"
// What docker calls a registry in its files and to helpers.
std::string server_key(const std::string& domain);

// kNotFound: the program is not installed. nullopt: it has none.
Result<std::optional<Credential>> ask_helper(const std::string& name, const std::string& domain);
Result<void> store_with_helper(const std::string& name, const std::string& domain,
                               const Credential& credential);
Result<void> erase_with_helper(const std::string& name, const std::string& domain);

}  // namespace lichen::registry
