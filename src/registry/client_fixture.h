// What the tests of Client share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/client.h"
#include "registry/testing.h"

namespace lichen::registry {

class FixedCredentials final : public Credentials {
 public:
  explicit FixedCredentials(Credential credential) : credential_(std::move(credential)) {}
  Result<std::optional<Credential>> find(const std::string& domain, const std::string&) override {
    asked.push_back(domain);
    return credential_;
  }
  std::vector<std::string> asked;

 private:
  Credential credential_;
};

inline ClientOptions quick() {
  ClientOptions options;
  options.retry_delay_ms = 5;
  options.stall_ms = 2000;
  return options;
}

inline std::unique_ptr<Client> make_client(ClientOptions options = quick()) {
  return std::move(*Client::create(std::move(options)));
}

inline oci::Reference image(const FakeServer& server, const std::string& rest = "/app:1") {
  return *oci::parse_reference(server.domain() + rest);
}

inline oci::Descriptor blob_of(const std::string& bytes) {
  return {.media_type = "m", .digest = sha256(bytes), .size = bytes.size()};
}

inline const std::string kIndex =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
inline const std::string kIndexHeader = std::string("Content-Type: ") + oci::kIndexType;

inline FakeAnswer index_answer() {
  return {.headers = {kIndexHeader, "Docker-Content-Digest: " + sha256(kIndex).text()},
          .body = kIndex};
}

}  // namespace lichen::registry
