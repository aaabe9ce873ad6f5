// Who we are to a registry: looked up, never stored.
//
//   CredentialFiles credentials(credential_file_paths());
//   std::optional<Credential> found = TRY(credentials.find("quay.io"));
//
// Files are those that docker, podman and buildah share. For one domain, the first file that knows
// it wins; inside a file credHelpers come before credsStore, and that before auths. Secrets are
// never part of an error or of a command line. Thread-safe: each find() reads the files anew.
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
  // `domain` as in oci::Reference ("docker.io", "127.0.0.1:5000"). nullopt: go as nobody.
  // Called from several threads.
  virtual Result<std::optional<Credential>> find(const std::string& domain) = 0;
};

// $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, then $DOCKER_CONFIG/config.json or
// ~/.docker/config.json; those whose variable is set.
std::vector<std::string> credential_file_paths();

class CredentialFiles final : public Credentials {
 public:
  explicit CredentialFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  // Absent files are skipped; a malformed one is kInvalid and named.
  Result<std::optional<Credential>> find(const std::string& domain) override;

 private:
  std::vector<std::string> paths_;
};

}  // namespace lichen::registry
