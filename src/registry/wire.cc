#include "registry/wire.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "oci/json.h"
#include "registry/http_date.h"

namespace lichen::registry {

namespace {

constexpr int kMaxRetryAfterSeconds = 60;
constexpr int kMaxDelayMs = 15'000;
constexpr std::size_t kMaxShown = 300;  // of a registry's own words

TransportOptions transport_options(const ClientOptions& options,
                                   CertificateDirectories& certificates) {
  TransportOptions result;
  if (!options.user_agent.empty()) result.user_agent = options.user_agent;
  result.ca_file = options.ca_file;
  result.certificates = &certificates;
  result.connect_timeout_ms = options.connect_timeout_ms;
  result.stall_ms = options.stall_ms;
  result.cancelled = options.cancelled;
  result.connect_to = options.connect_to;
  return result;
}

// "CODE: message; CODE: message" of a registry's error document, or "".
std::string registry_words(const Response& response) {
  const auto document = oci::json::parse(response.body, "errors");
  if (!document) return "";
  const auto read = [&]() -> Result<std::string> {
    const oci::json::Node errors = TRY(oci::json::Node("errors", *document).member("errors"));
    std::vector<std::string> words;
    for (const auto& item : TRY(errors.items())) {
      const std::string code = TRY(TRY(item.member("code")).text());
      const std::string message = TRY(TRY(item.member("message")).text());
      words.push_back(message.empty() ? code : code + ": " + message);
    }
    return join(words, "; ");
  };
  std::string words = printable(read().value_or(""));
  if (words.size() > kMaxShown) {
    words.resize(kMaxShown);
    words += "…";
  }
  return words;
}

// RFC 6750, section 3.1.
bool is_expired(const Response& refusal) {
  for (const Challenge& challenge : parse_challenges(refusal.header("www-authenticate"))) {
    const auto error = challenge.parameters.find("error");
    if (error != challenge.parameters.end() && error->second == "invalid_token") return true;
  }
  return false;
}

}  // namespace

Client::Wire::Wire(Options client_options)
    : options(std::move(client_options)),
      certificates(options.certificate_directories),
      transport(transport_options(options, certificates)),
      authorizer(transport, options.credentials, options.want_refresh_token) {}

Result<const RegistriesConf*> Client::Wire::registries_conf() {
  return registries_conf_.with([&](auto& conf) -> Result<const RegistriesConf*> {
    if (!conf) conf = options.registries_conf ? TRY(options.registries_conf()) : RegistriesConf();
    return &*conf;
  });
}

Result<Place> Client::Wire::place(Location location) {
  Endpoint found = TRY(endpoint(location.reference.domain, location.insecure));
  return Place{.endpoint = std::move(found),
               .reference = std::move(location.reference),
               .is_mirror = location.is_mirror};
}

Result<Place> Client::Wire::push_place(const oci::Reference& reference) {
  return place(TRY(TRY(registries_conf())->push_location(reference)));
}

bool Client::Wire::is_down(const Location& mirror) {
  return down_.with([&](auto& domains) { return domains.contains(mirror.reference.domain); });
}

void Client::Wire::mark_down(const oci::Reference& mirror) {
  down_.with([&](auto& domains) { domains.insert(mirror.domain); });
}

std::string Client::Wire::find_repository(const oci::Reference& but, const Digest& blob) {
  return repositories_.with([&](auto& map) -> std::string {
    const auto at = map.find({but.domain, blob});
    return at == map.end() || at->second == but.repository ? "" : at->second;
  });
}

void Client::Wire::remember_blob(const oci::Reference& reference, const Digest& blob) {
  repositories_.with([&](auto& map) { map[{reference.domain, blob}] = reference.repository; });
}

Result<Endpoint> Client::Wire::endpoint(const std::string& domain, bool insecure) {
  const std::string key = domain + (insecure ? " insecure" : "");
  const auto known = endpoints_.with([&](auto& map) -> std::optional<Endpoint> {
    const auto at = map.find(key);
    return at == map.end() ? std::nullopt : std::optional(at->second);
  });
  if (known) return *known;
  Endpoint found = TRY(probe(domain, insecure));
  endpoints_.with([&](auto& map) { map[key] = found; });
  return found;
}

Result<Endpoint> Client::Wire::probe(const std::string& domain, bool insecure) {
  const std::string host = domain == "docker.io" ? "registry-1.docker.io" : domain;
  const bool verify = options.tls_verify && !insecure;
  Endpoint https{domain, TRY(parse_url("https://" + host)), verify};
  Endpoint http{domain, TRY(parse_url("http://" + host)), verify};
  const bool loopback = is_loopback(https.base.host);
  if (!loopback && verify) return https;

  const auto ask = [&](const Endpoint& at) -> Result<Response> {
    Request request{.method = "HEAD", .url = at.base, .verify_tls = at.verify_tls};
    request.url.target = "/v2/";
    return transport.perform(request);
  };
  const auto may_speak_the_other = [](const Error& error) {
    return error.code == Errc::kUnavailable && error.os_errno != ETIMEDOUT;
  };
  if (loopback) {
    const auto plain = ask(http);
    // A TLS server tells a plain client so with 400, or just hangs up.
    if (plain && plain->status != 400) return http;
    if (!plain && (!may_speak_the_other(plain.error()) || plain.error().os_errno == ECONNREFUSED))
      return fail(plain.error());
    TRY(ask(https));
    return https;
  }
  const auto secure = ask(https);
  if (secure) return https;
  if (!may_speak_the_other(secure.error())) return fail(secure.error());
  const auto plain = ask(http);
  if (plain) return http;
  return fail(plain.error().code == Errc::kCancelled ? plain.error() : secure.error());
}

Result<void> Client::Wire::wait_before(int next_try) {
  const int delay = std::min(options.retry_delay_ms << (next_try - 1), kMaxDelayMs);
  // Many clients that failed at once do not come back at once.
  return transport.sleep(delay / 2 + static_cast<int>(std::rand() % (delay / 2 + 1)));
}

Result<bool> Client::Wire::wait_after(const Response& answer, int next_try) {
  const std::int64_t asked = parse_retry_after(answer.header("retry-after"), std::time(nullptr));
  if (asked > kMaxRetryAfterSeconds) return false;
  if (asked >= 0)
    TRY(transport.sleep(static_cast<int>(asked) * 1000));
  else
    TRY(wait_before(next_try));
  return true;
}

Result<Response> Client::Wire::send_authorized(const Place& at,
                                               const std::vector<std::string>& scopes,
                                               Request& request) {
  request.verify_tls = at.endpoint.verify_tls;
  request.authorization = authorizer.current(at, scopes);
  for (int answers = 0;; ++answers) {
    auto response = transport.perform(request);
    // Another host's 401 is none of our registry's business: no credentials for it.
    if (!response || response->status != 401 || response->foreign) return response;
    // A fresh token is refused for good, unless it came from another thread and has expired since.
    if (answers == 2 || (answers == 1 && !is_expired(*response))) return response;
    request.authorization = TRY(authorizer.answer(at, scopes, *response, request.authorization));
  }
}

Result<Response> Client::Wire::send(const Place& at, const std::vector<std::string>& scopes,
                                    Request request, bool retry_broken) {
  LICHEN_ASSERT(request.upload == nullptr);
  for (int next_try = 1;; ++next_try) {
    auto response = send_authorized(at, scopes, request);
    if (next_try == tries_at(at)) return response;
    if (!response) {
      if (!retry_broken || !worth_retrying(response.error())) return response;
      TRY(wait_before(next_try));
    } else if (!worth_retrying(*response) || !TRY(wait_after(*response, next_try))) {
      return response;
    }
  }
}

std::vector<std::string> pull_scope(const Place& place) {
  return {"repository:" + place.reference.repository + ":pull"};
}

std::vector<std::string> push_scope(const Place& place) {
  return {"repository:" + place.reference.repository + ":pull,push"};
}

Url repository_url(const Place& place, const std::string& rest) {
  Url url = place.endpoint.base;
  url.target = "/v2/" + place.reference.repository + "/" + rest;
  return url;
}

std::string repository_text(const oci::Reference& reference) {
  return reference.domain + "/" + reference.repository;
}

Result<std::string> document_name(const oci::Reference& reference,
                                  const std::string& tag_or_digest) {
  std::string name = tag_or_digest;
  if (name.empty()) name = reference.digest.empty() ? reference.tag : reference.digest.text();
  const bool good =
      !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_.-:").find(c) != std::string_view::npos;
      });
  if (!good) return fail(Errc::kInvalid, "neither a tag nor a digest: \"" + printable(name) + "\"");
  return name;
}

Error answer_error(const Response& response, const std::string& what) {
  Error error;
  std::string words = registry_words(response);
  error.message =
      what + ": " + response.url.host + " answered with status " + std::to_string(response.status);
  if (!words.empty()) error.message += " (" + words + ")";
  if (response.status == 401 || response.status == 403) {
    error.code = Errc::kDenied;
    error.hint = response.foreign ? "" : kLoginHint;
  } else if (response.status == 404) {
    error.code = Errc::kNotFound;
  } else if (response.status == 405) {
    error.code = Errc::kUnsupported;
  } else if (response.status == 429) {
    error.code = Errc::kUnavailable;
    error.hint = "the registry limits how often you may ask: log in, or try again later";
  } else {
    error.code = response.status >= 400 && response.status < 500 && response.status != 408
                     ? Errc::kInvalid
                     : Errc::kUnavailable;
  }
  return error;
}

bool worth_retrying(const Error& error) {
  return error.code == Errc::kUnavailable &&
         (error.os_errno == ECONNRESET || error.os_errno == ETIMEDOUT || error.os_errno == EAGAIN);
}

bool is_of_the_place(const Error& error) {
  switch (error.code) {
    case Errc::kCancelled:
    case Errc::kNoSpace:
    case Errc::kInternal:
      return false;
    default:
      return true;
  }
}

bool worth_retrying(const Response& response) {
  switch (response.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

}  // namespace lichen::registry
