// certs.d: the TLS certificates of one registry, as docker and podman keep them.
//
//   HOST[:PORT]/*.crt          authorities that are trusted beside the host's
//   HOST[:PORT]/X.cert, X.key  who we are
//
//   CertificateDirectories directories(certificate_directories());
//   const Certificates certificates = TRY(directories.find("registry.example:5000"));
//
// Thread-safe. A host's files are read once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"

namespace lichen::registry {

struct Certificates {
  std::string authorities;              // PEM; empty: the host's alone
  std::string client_cert, client_key;  // paths; empty: none

  friend bool operator==(const Certificates&, const Certificates&) = default;
};

class CertificateDirectories {
 public:
  explicit CertificateDirectories(std::vector<std::string> roots) : roots_(std::move(roots)) {}
  // The first directory that there is for the host counts. kInvalid: a certificate without its key,
  // or a key without its certificate.
  Result<Certificates> find(const std::string& host_and_port);

 private:
  Result<Certificates> read(const std::string& host_and_port) const;
  const std::vector<std::string> roots_;
  Guarded<std::map<std::string, Certificates>> known_;
};

// ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d,
// /etc/docker/certs.d.
std::vector<std::string> certificate_directories();

}  // namespace lichen::registry
