// Answers a registry's 401: Docker's token flow, OAuth with an identity token, and Basic.
//
// Rules that protect the user: credentials travel over https or to loopback only; a token server
// must be https (or loopback, for a registry on loopback); tokens are kept per domain and scope
// until they expire, in memory only. Source: distribution/docs/spec/auth/{token,oauth}.md.
// Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "registry/auth_header.h"
#include "registry/credentials.h"
#include "registry/transport.h"

namespace lichen::registry {

// Where and how a domain's registry is reached.
struct Endpoint {
  std::string domain;
  Url base;  // "https://registry-1.docker.io/"
  bool verify_tls = true;

  bool may_carry_secrets() const { return base.scheme == "https" || is_loopback(base.host); }
};

class Authorizer {
 public:
  // `credentials` may be null: always anonymous. Both must outlive this.
  Authorizer(Transport& transport, Credentials* credentials)
      : transport_(transport), credentials_(credentials) {}

  // An Authorization value that is likely to be accepted, or "".
  std::string current(const std::string& domain, const std::vector<std::string>& scopes);
  // A fresh one after `refusal`, a 401 of the registry itself; kDenied when there is none to get.
  Result<std::string> answer(const Endpoint& endpoint, const std::vector<std::string>& scopes,
                             const Response& refusal);

 private:
  struct Token {
    std::string value;
    std::chrono::steady_clock::time_point expires;
  };
  struct State {
    std::map<std::string, Token> tokens;       // by domain and scopes
    std::map<std::string, std::string> basic;  // by domain
  };
  Result<Token> fetch_token(const Endpoint& endpoint, const Challenge& challenge,
                            std::vector<std::string> scopes,
                            const std::optional<Credential>& credential);

  Transport& transport_;
  Credentials* credentials_;
  Guarded<State> state_;
};

// What helps when a registry says no; one text for every place that finds out.
inline constexpr char kLoginHint[] = "log in first: docker login, or see ~/.docker/config.json";

}  // namespace lichen::registry
