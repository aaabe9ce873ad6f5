#include "registry/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "oci/json.h"
#include "os/child.h"
#include "os/file.h"
#include "registry/base64.h"

namespace lichen::registry {

namespace {

using oci::json::Node;

constexpr char kHub[] = "docker.io";
constexpr char kHubKey[] = "https://index.docker.io/v1/";  // what docker login stores
constexpr std::size_t kMaxFile = 1u << 20;

// The domain that a key of "auths" stands for: docker once stored whole URLs.
std::string domain_of(std::string key) {
  for (const char* scheme : {"https://", "http://"})
    if (starts_with(key, scheme)) key.erase(0, std::string_view(scheme).size());
  for (const char* path : {"/v1/", "/v2/", "/v1", "/v2", "/"}) {
    if (!ends_with(key, path)) continue;
    key.erase(key.size() - std::string_view(path).size());
    break;
  }
  const bool hub = key == "index.docker.io" || key == "registry-1.docker.io";
  return hub ? kHub : key;
}

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

// Runs docker-credential-NAME. Its output holds the secret, so none of it reaches an error.
Result<std::optional<Credential>> ask_helper(const std::string& name, const std::string& domain) {
  const std::string program = "docker-credential-" + name;
  const auto failed = [&](const std::string& why) {
    return fail(Errc::kDenied, program + ": " + why,
                "run `docker login` again, or remove the helper from config.json");
  };
  const os::Output output = TRY(os::run_program({.argv = {program, "get"},
                                                 .env = os::current_environment(),
                                                 .input = domain == kHub ? kHubKey : domain}));
  if (output.status != os::WaitStatus(os::Exited{0})) {
    if (output.out.find("credentials not found") != std::string::npos) return std::nullopt;
    return failed("could not get the credentials of " + domain);
  }
  const auto answer = oci::json::parse(output.out, program);
  if (!answer) return failed("its answer is not valid JSON");
  const Node root(program, *answer);
  const std::string user = TRY(TRY(root.member("Username")).text());
  const std::string secret = TRY(TRY(root.member("Secret")).text());
  if (secret.empty()) return std::nullopt;
  if (user.empty() || user == "<token>") return Credential{.identity_token = secret};
  return Credential{.username = user, .password = secret};
}

bool good_helper_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name[0] != '.' &&
         name.find('\0') == std::string::npos;
}

Result<std::optional<Credential>> find_in(const std::string& path, const std::string& text,
                                          const std::string& domain) {
  const oci::json::Value document = TRY(oci::json::parse(text, path));
  const Node root(path, document);
  if (!document.is_object()) return fail(root.wrong("want an object"));

  for (const auto& [key, helper] : TRY(TRY(root.member("credHelpers")).members())) {
    const std::string name = TRY(helper.text());
    if (name.empty() || domain_of(key) != domain) continue;
    if (!good_helper_name(name)) return fail(helper.wrong("bad name of a credential helper"));
    return ask_helper(name, domain);
  }
  const Node store = TRY(root.member("credsStore"));
  if (const std::string name = TRY(store.text()); !name.empty()) {
    if (!good_helper_name(name)) return fail(store.wrong("bad name of a credential helper"));
    // A config.json that came from another machine names a store that is not here; public images
    // must still work.
    auto found = ask_helper(name, domain);
    if (!found && found.error().code != Errc::kNotFound) return found;
    if (found && *found) return found;
  }
  for (const auto& [key, entry] : TRY(TRY(root.member("auths")).members())) {
    if (domain_of(key) != domain) continue;
    if (auto found = TRY(read_entry(entry))) return found;
  }
  return std::nullopt;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::vector<std::string> credential_file_paths() {
  std::vector<std::string> paths;
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) paths.push_back(file);
  if (const std::string dir = variable("XDG_RUNTIME_DIR"); !dir.empty())
    paths.push_back(dir + "/containers/auth.json");
  const std::string config = variable("DOCKER_CONFIG"), home = variable("HOME");
  if (!config.empty())
    paths.push_back(config + "/config.json");
  else if (!home.empty())
    paths.push_back(home + "/.docker/config.json");
  return paths;
}

Result<std::optional<Credential>> CredentialFiles::find(const std::string& domain) {
  for (const std::string& path : paths_) {
    const auto text = TRY(os::find_file(path, kMaxFile));
    if (!text) continue;
    if (auto found = TRY(find_in(path, *text, domain))) return found;
  }
  return std::nullopt;
}

}  // namespace lichen::registry
