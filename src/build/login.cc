#include "build/login.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "oci/reference.h"
#include "registry/credential_store.h"
#include "registry/host_client.h"

namespace lichen::build {

namespace {

class Given final : public registry::Credentials {
 public:
  explicit Given(registry::Credential credential) : credential_(std::move(credential)) {}
  Result<std::optional<registry::Credential>> find(const std::string&,
                                                   const std::string&) override {
    return credential_;
  }

 private:
  const registry::Credential credential_;
};

Result<std::string> file_to_write() {
  const char* file = std::getenv("REGISTRY_AUTH_FILE");
  std::string path = file != nullptr && *file != '\0' ? file : registry::docker_config_path();
  if (path.empty())
    return fail(Errc::kInvalid, "there is no place for credentials: HOME is not set",
                "set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE");
  return path;
}

Result<std::optional<registry::Credential>> stored(const std::string& domain) {
  return registry::CredentialFiles(registry::credential_sources()).find(domain, "");
}

}  // namespace

Result<std::string> registry_domain(const std::string& server) {
  std::string domain = server.empty() ? "docker.io" : registry::domain_of_server(server);
  const auto reference = oci::parse_reference(domain + "/x");
  if (!reference || reference->domain != domain)
    return fail(Errc::kInvalid, "\"" + printable(server) + "\" is not a registry",
                "write HOST, or HOST:PORT");
  return domain;
}

Result<LoginOutcome> login(const std::string& domain, const registry::Credential& credential,
                           const Environment& environment) {
  const std::string path = TRY(file_to_write());
  Given given(credential);
  const registry::HostClient host = TRY(registry::make_host_client(
      {.tls_verify = environment.tls_verify,
       .credentials = &given,
       .want_refresh_token = true,
       .cancelled = [flag = environment.cancelled] { return flag != nullptr && flag->load(); }}));
  auto token = host.client->login(domain);
  if (!token) {
    const bool denied = token.error().code == Errc::kDenied;
    Error error = std::move(token).error();
    if (denied)
      error.hint = "check name and password; some registries take an access token for it alone";
    return fail(std::move(error));
  }
  registry::Credential kept = credential;
  if (!token->empty()) kept = {.username = credential.username, .identity_token = *token};
  LoginOutcome outcome{.where = TRY(registry::store_credential(path, domain, kept))};
  outcome.readable = outcome.where == path;
  const auto found = TRY(stored(domain));
  const bool same =
      found && found->password == kept.password && found->identity_token == kept.identity_token;
  if (!same)
    outcome.warning = "other credentials for " + domain + " come before these: see " +
                      join(registry::credential_sources().paths, ", ");
  return outcome;
}

Result<LogoutOutcome> logout(const std::string& domain) {
  LogoutOutcome outcome{.found = TRY(registry::erase_credential(TRY(file_to_write()), domain)),
                        .warning = {}};
  if (TRY(stored(domain)))
    outcome.warning = "there are still credentials for " + domain + " in one of " +
                      join(registry::credential_sources().paths, ", ");
  return outcome;
}

}  // namespace lichen::build
