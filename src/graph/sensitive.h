// What must not be written down in clear text: values that look like secrets by their variable's
// name, and the credentials in URLs. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lichen::graph {

// "DB_PASSWORD", "GITHUB_TOKEN"; not "PUBLIC_KEY" or "TOKEN_FILE".
bool is_secret_name(std::string_view variable);

// Every "scheme://user:password@host" in a text, without what is before the @.
std::string without_url_credentials(std::string_view text);

}  // namespace lichen::graph
