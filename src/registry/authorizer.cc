#include "registry/authorizer.h"

#include <algorithm>
#include <cerrno>

#include "base/base64.h"
#include "base/text.h"
#include "oci/json.h"

namespace lichen::registry {

namespace {

using oci::json::Node;

constexpr std::int64_t kMinLifeSeconds = 60;  // also when the server names none
constexpr std::int64_t kMaxLifeSeconds = 3600;
constexpr std::int64_t kMarginSeconds = 10;  // a token must survive the request that it begins
constexpr std::size_t kMaxTokenAnswer = 1u << 20;

// Credentials may be those of one repository.
std::string repository_key(const Place& place) {
  return place.endpoint.domain + "/" + place.reference.repository;
}

std::string token_key(const Place& place, const std::vector<std::string>& scopes) {
  return repository_key(place) + " " + join(scopes, " ");
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, const char* scheme) {
  for (const Challenge& challenge : challenges)
    if (challenge.scheme == scheme) return &challenge;
  return nullptr;
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  const auto at = challenge.parameters.find(name);
  return at == challenge.parameters.end() ? "" : at->second;
}

// A token goes into a header: nothing that could end the line.
bool good_token(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string basic(const Credential& credential) {
  return "Basic " + base64_encode(credential.username + ":" + credential.password);
}

}  // namespace

std::string Authorizer::current(const Place& place, const std::vector<std::string>& scopes) {
  return state_.with([&](State& state) -> std::string {
    const auto token = state.tokens.find(token_key(place, scopes));
    if (token != state.tokens.end()) {
      if (token->second.expires > std::chrono::steady_clock::now())
        return "Bearer " + token->second.value;
      state.tokens.erase(token);
    }
    const auto known = state.basic.find(repository_key(place));
    return known == state.basic.end() ? "" : known->second;
  });
}

Result<std::string> Authorizer::answer(const Place& place, const std::vector<std::string>& scopes,
                                       const Response& refusal, const std::string& refused) {
  const std::lock_guard lock(asking_);
  if (std::string now = current(place, scopes); !now.empty() && now != refused) return now;
  const Endpoint& endpoint = place.endpoint;
  const std::vector<Challenge> challenges = parse_challenges(refusal.header("www-authenticate"));
  const Challenge* bearer = find_scheme(challenges, "bearer");
  if (bearer == nullptr && find_scheme(challenges, "basic") == nullptr)
    return fail(Errc::kDenied,
                endpoint.domain + " wants a login of a kind that lichen does not know", kLoginHint);

  std::optional<Credential> credential;
  if (credentials_ != nullptr && endpoint.may_carry_secrets())
    credential = TRY(credentials_->find(endpoint.domain, place.reference.repository));
  if (bearer != nullptr) {
    Token token = TRY(fetch_token(endpoint, *bearer, scopes, credential));
    std::string value = "Bearer " + token.value;
    state_.with([&](State& state) { state.tokens[token_key(place, scopes)] = token; });
    return value;
  }
  if (!endpoint.may_carry_secrets())
    return fail(Errc::kDenied,
                "refusing to send credentials to " + endpoint.domain + " over plain http",
                "give the registry a TLS certificate");
  if (!credential || credential->username.empty())
    return fail(Errc::kDenied, endpoint.domain + " wants a login", kLoginHint);
  std::string value = basic(*credential);
  state_.with([&](State& state) { state.basic[repository_key(place)] = value; });
  return value;
}

Result<Authorizer::Token> Authorizer::fetch_token(const Endpoint& endpoint,
                                                  const Challenge& challenge,
                                                  std::vector<std::string> scopes,
                                                  const std::optional<Credential>& credential) {
  auto realm = parse_url(parameter(challenge, "realm"));
  if (!realm) {
    return fail(Errc::kDenied,
                endpoint.domain + " names no usable token server: " + realm.error().message);
  }
  const bool local = is_loopback(realm->host) && is_loopback(endpoint.base.host);
  if (realm->scheme != "https" && !local)
    return fail(Errc::kDenied, "refusing the token server " + without_query(*realm) + " of " +
                                   endpoint.domain + ": it is not https");

  // The registry's own idea of the scope counts when it calls the repository by another name.
  const std::string wanted = parameter(challenge, "scope");
  const auto resource = [](const std::string& scope) { return scope.substr(0, scope.rfind(':')); };
  const bool covered = std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) {
    return resource(scope) == resource(wanted);
  });
  if (!wanted.empty() && !covered) scopes.push_back(wanted);

  Request request{.url = *realm, .verify_tls = endpoint.verify_tls, .max_body = kMaxTokenAnswer};
  const std::string service = parameter(challenge, "service");
  if (credential && !credential->identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body = "grant_type=refresh_token&client_id=lichen&service=" + percent_encoded(service) +
                   "&scope=" + percent_encoded(join(scopes, " ")) +
                   "&refresh_token=" + percent_encoded(credential->identity_token);
  } else {
    if (!service.empty()) add_query(request.url, "service=" + percent_encoded(service));
    for (const std::string& scope : scopes)
      add_query(request.url, "scope=" + percent_encoded(scope));
    if (credential) request.authorization = basic(*credential);
    if (credential && want_refresh_token_)
      add_query(request.url, "client_id=lichen&offline_token=true");
  }

  const Response response = TRY(transport_.perform(request));
  const std::string server = "the token server " + realm->host + " of " + endpoint.domain;
  if (response.status == 401 || response.status == 403)
    return fail(Errc::kDenied,
                server + (credential ? " refused the credentials" : " wants a login"), kLoginHint);
  if (response.status != 200) {
    const bool busy = response.status >= 500 || response.status == 429;
    return fail(
        Error{.code = busy ? Errc::kUnavailable : Errc::kDenied,
              .os_errno = busy ? EAGAIN : 0,
              .message = server + " answered with status " + std::to_string(response.status)});
  }

  // Its body is a secret: errors name members only.
  const oci::json::Value document = TRY(oci::json::parse(response.body, "answer of " + server));
  const Node root("answer of " + server, document);
  std::string token = TRY(TRY(root.member("token")).text());
  if (token.empty()) token = TRY(TRY(root.member("access_token")).text());
  if (!good_token(token)) return fail(root.wrong("it holds no token"));
  if (std::string kept = TRY(TRY(root.member("refresh_token")).text()); want_refresh_token_)
    state_.with([&](State& state) { state.refresh_token = std::move(kept); });
  const std::int64_t life =
      std::clamp(TRY(TRY(root.member("expires_in")).integer(INT64_MIN, INT64_MAX)), kMinLifeSeconds,
                 kMaxLifeSeconds);
  return Token{token,
               std::chrono::steady_clock::now() + std::chrono::seconds(life - kMarginSeconds)};
}

}  // namespace lichen::registry
