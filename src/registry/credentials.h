// Who we are to a registry: looked up, never stored.
//
//   CredentialFiles credentials(credential_sources());
//   std::optional<Credential> found = TRY(credentials.find("quay.io", "org/app"));
//
// Files are those that docker, podman and buildah share. For one domain, the first file that knows
// it wins; inside a file credHelpers come before credsStore, and that before auths, of whose keys
// the longest counts ("quay.io/org" before "quay.io"). Secrets are never part of an error or of a
// command line. Thread-safe: each find() reads the files anew.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::registry {

struct Credential {
  std::string username, password;
  std::string identity_token;  // an OAuth refresh token: used instead of a password when not empty

  friend bool operator==(const Credential&, const Credential&) = default;
};

class Credentials {
 public:
  Credentials() = default;
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  virtual ~Credentials() = default;
  // `domain` and `repository` as in oci::Reference ("docker.io", "127.0.0.1:5000"); "": of the
  // registry as a whole. nullopt: go as nobody. Called from several threads.
  virtual Result<std::optional<Credential>> find(const std::string& domain,
                                                 const std::string& repository) = 0;
};

struct CredentialSources {
  std::string text;                // a config.json; comes first
  std::vector<std::string> paths;  // absent ones are skipped
};
// $DOCKER_AUTH_CONFIG (the text), $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
// ~/.config/containers/auth.json, and docker's own.
CredentialSources credential_sources();
// $DOCKER_CONFIG/config.json or ~/.docker/config.json; "": neither variable is set.
std::string docker_config_path();

class CredentialFiles final : public Credentials {
 public:
  explicit CredentialFiles(CredentialSources sources) : sources_(std::move(sources)) {}
  // A malformed file is kInvalid and named.
  Result<std::optional<Credential>> find(const std::string& domain,
                                         const std::string& repository) override;

 private:
  CredentialSources sources_;
};

}  // namespace lichen::registry
