#include "registry/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "base/base64.h"
#include "base/text.h"
#include "oci/json.h"
#include "os/file.h"
#include "registry/credential_helper.h"
#include "registry/credential_store.h"

namespace lichen::registry {

namespace {

using oci::json::Node;

constexpr std::size_t kMaxFile = 1u << 20;

Result<std::optional<Credential>> read_entry(const Node& entry) {
  Credential credential;
  credential.username = TRY(TRY(entry.member("username")).text());
  credential.password = TRY(TRY(entry.member("password")).text());
  credential.identity_token = TRY(TRY(entry.member("identitytoken")).text());
  const Node auth = TRY(entry.member("auth"));
  if (const std::string text = TRY(auth.text()); !text.empty()) {
    const auto pair = base64_decode(text);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return fail(auth.wrong("want base64 of user:password"));
    credential.username = pair->substr(0, colon);
    credential.password = pair->substr(colon + 1);
    // Docker pads with NUL bytes.
    while (!credential.password.empty() && credential.password.back() == '\0')
      credential.password.pop_back();
  }
  if (credential == Credential{}) return std::nullopt;
  return credential;
}

Result<std::optional<Credential>> find_in(const std::string& path, const std::string& text,
                                          const std::string& domain,
                                          const std::string& repository) {
  const oci::json::Value document = TRY(oci::json::parse(text, path));
  const Node root(path, document);
  if (!document.is_object()) return fail(root.wrong("want an object"));

  for (const auto& [key, helper] : TRY(TRY(root.member("credHelpers")).members())) {
    const std::string name = TRY(helper.text());
    if (name.empty() || domain_of_server(key) != domain) continue;
    if (!is_helper_name(name)) return fail(helper.wrong("bad name of a credential helper"));
    return ask_helper(name, domain);
  }
  const Node store = TRY(root.member("credsStore"));
  if (const std::string name = TRY(store.text()); !name.empty()) {
    if (!is_helper_name(name)) return fail(store.wrong("bad name of a credential helper"));
    // A config.json that came from another machine names a store that is not here; public images
    // must still work.
    auto found = ask_helper(name, domain);
    if (!found && found.error().code != Errc::kNotFound) return found;
    if (found && *found) return found;
  }
  const std::string name = domain + "/" + repository;
  std::size_t longest = 0;
  std::optional<Credential> best;
  for (const auto& [key, entry] : TRY(TRY(root.member("auths")).members())) {
    const std::string prefix = domain_of_server(key);
    if (prefix.size() <= longest || !starts_with(name + "/", prefix + "/")) continue;
    auto found = TRY(read_entry(entry));
    if (!found) continue;
    longest = prefix.size();
    best = std::move(found);
  }
  return best;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::string docker_config_path() {
  const std::string config = variable("DOCKER_CONFIG"), home = variable("HOME");
  if (!config.empty()) return config + "/config.json";
  return home.empty() ? "" : home + "/.docker/config.json";
}

CredentialSources credential_sources() {
  CredentialSources sources{.text = variable("DOCKER_AUTH_CONFIG"), .paths = {}};
  const auto add = [&](const std::string& directory, const std::string& rest) {
    if (!directory.empty()) sources.paths.push_back(directory + rest);
  };
  add(variable("REGISTRY_AUTH_FILE"), "");
  add(variable("XDG_RUNTIME_DIR"), "/containers/auth.json");
  if (const std::string config = variable("XDG_CONFIG_HOME"); !config.empty())
    add(config, "/containers/auth.json");
  else
    add(variable("HOME"), "/.config/containers/auth.json");
  add(docker_config_path(), "");
  return sources;
}

Result<std::optional<Credential>> CredentialFiles::find(const std::string& domain,
                                                        const std::string& repository) {
  if (!sources_.text.empty())
    if (auto found = TRY(find_in("DOCKER_AUTH_CONFIG", sources_.text, domain, repository)))
      return found;
  for (const std::string& path : sources_.paths) {
    const auto text = TRY(os::find_file(path, kMaxFile));
    if (!text) continue;
    if (auto found = TRY(find_in(path, *text, domain, repository))) return found;
  }
  return std::nullopt;
}

}  // namespace lichen::registry
