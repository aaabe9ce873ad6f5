#include "registry/credential_store.h"

#include <limits.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "oci/json.h"
#include "os/file.h"
#include "registry/credential_helper.h"

namespace lichen::registry {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFile = 1u << 20;

// A link is followed: people keep their config.json elsewhere.
std::string target_of(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

Result<Json> read_config(const std::string& path) {
  const auto text = TRY(os::find_file(path, kMaxFile));
  if (!text || text->empty()) return Json::object();
  const oci::json::Value checked = TRY(oci::json::parse(*text, path));  // bounds its depth
  if (!checked.is_object()) return fail(Errc::kInvalid, path + ": want an object");
  return Json::parse(*text, nullptr, /*allow_exceptions=*/false);
}

Result<void> write_config(const std::string& path, const Json& config) {
  const std::string target = target_of(path);
  TRY(os::mkdirs(target.substr(0, target.rfind('/')), 0700));
  return os::replace_file(target,
                          config.dump(1, '\t', false, Json::error_handler_t::replace) + "\n", 0600);
}

// The helper for the domain, or "".
Result<std::string> helper_for(const Json& config, const std::string& path,
                               const std::string& domain) {
  std::string name;
  if (const auto store = config.find("credsStore"); store != config.end() && store->is_string())
    name = store->get<std::string>();
  if (const auto helpers = config.find("credHelpers");
      helpers != config.end() && helpers->is_object())
    for (const auto& [key, value] : helpers->items())
      if (domain_of_server(key) == domain && value.is_string()) name = value.get<std::string>();
  if (!name.empty() && !is_helper_name(name))
    return fail(Errc::kInvalid, path + ": bad name of a credential helper");
  return name;
}

bool erase_entries(Json& config, const std::string& domain) {
  const auto auths = config.find("auths");
  if (auths == config.end() || !auths->is_object()) return false;
  std::vector<std::string> keys;
  for (const auto& [key, value] : auths->items())
    if (domain_of_server(key) == domain) keys.push_back(key);
  for (const std::string& key : keys) auths->erase(key);
  return !keys.empty();
}

}  // namespace

std::string domain_of_server(std::string server) {
  for (const char* scheme : {"https://", "http://"})
    if (starts_with(server, scheme)) server.erase(0, std::string_view(scheme).size());
  for (const char* path : {"/v1/", "/v2/", "/v1", "/v2", "/"}) {
    if (!ends_with(server, path)) continue;
    server.erase(server.size() - std::string_view(path).size());
    break;
  }
  const bool hub = server == "index.docker.io" || server == "registry-1.docker.io";
  return hub ? "docker.io" : server;
}

Result<std::string> store_credential(const std::string& path, const std::string& domain,
                                     const Credential& credential) {
  Json config = TRY(read_config(path));
  const std::string helper = TRY(helper_for(config, path, domain));
  const bool had_entries = erase_entries(config, domain);
  if (!helper.empty()) {
    TRY(store_with_helper(helper, domain, credential));
    if (had_entries) TRY(write_config(path, config));
    return helper_program(helper);
  }
  Json entry = {{"auth", base64_encode(credential.username + ":" + credential.password)}};
  if (!credential.identity_token.empty()) entry["identitytoken"] = credential.identity_token;
  if (!config["auths"].is_object()) config["auths"] = Json::object();
  config["auths"][server_key(domain)] = std::move(entry);
  TRY(write_config(path, config));
  return path;
}

Result<bool> erase_credential(const std::string& path, const std::string& domain) {
  Json config = TRY(read_config(path));
  bool found = false;
  if (const std::string helper = TRY(helper_for(config, path, domain)); !helper.empty()) {
    found = TRY(ask_helper(helper, domain)).has_value();
    if (found) TRY(erase_with_helper(helper, domain));
  }
  if (erase_entries(config, domain)) {
    found = true;
    TRY(write_config(path, config));
  }
  return found;
}

}  // namespace lichen::registry
