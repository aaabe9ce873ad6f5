// Answers a registry's 401: Docker's token flow, OAuth with an identity token, and Basic.
//
// Rules that protect the user: credentials travel over https or to loopback only; a token server
// must be https (or loopback, for a registry on loopback); tokens are kept per domain and scope
// until they expire, in memory only. Source: distribution/docs/spec/auth/{token,oauth}.md.
// Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "oci/reference.h"
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

// A repository at an endpoint.
struct Place {
  Endpoint endpoint;
  oci::Reference reference;  // as it is called there
  bool is_mirror = false;
};

class Authorizer {
 public:
  // `credentials` may be null: always anonymous. Both must outlive this.
  // `want_refresh_token`: a password is to be exchanged for a token that lasts, where that can be.
  Authorizer(Transport& transport, Credentials* credentials, bool want_refresh_token)
      : transport_(transport), credentials_(credentials), want_refresh_token_(want_refresh_token) {}

  // An Authorization value that is likely to be accepted, or "".
  std::string current(const Place& place, const std::vector<std::string>& scopes);
  // A fresh one after `refusal`, a 401 of the registry itself to the Authorization `refused`;
  // kDenied when there is none to get. Threads that are refused together ask for one token.
  Result<std::string> answer(const Place& place, const std::vector<std::string>& scopes,
                             const Response& refusal, const std::string& refused);
  // What a token server gave in exchange for a password, or "".
  std::string refresh_token() {
    return state_.with([](const State& state) { return state.refresh_token; });
  }

 private:
  struct Token {
    std::string value;
    std::chrono::steady_clock::time_point expires;
  };
  struct State {
    std::map<std::string, Token> tokens;       // by repository and scopes
    std::map<std::string, std::string> basic;  // by repository
    std::string refresh_token;
  };
  Result<Token> fetch_token(const Endpoint& endpoint, const Challenge& challenge,
                            std::vector<std::string> scopes,
                            const std::optional<Credential>& credential);

  Transport& transport_;
  Credentials* credentials_;
  const bool want_refresh_token_;
  Guarded<State> state_;
  std::mutex asking_;  // held while a token is fetched
};

// What helps when a registry says no; one text for every place that finds out.
inline constexpr char kLoginHint[] = "log in first: lichen login, or see ~/.docker/config.json";

}  // namespace lichen::registry
