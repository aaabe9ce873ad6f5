#include "registry/wire.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "oci/json.h"

namespace lichen::registry {

namespace {

constexpr int kMaxRetryAfterSeconds = 30;
constexpr std::size_t kMaxShown = 300;  // of a registry's own words

TransportOptions transport_options(const ClientOptions& options) {
  TransportOptions result;
  if (!options.user_agent.empty()) result.user_agent = options.user_agent;
  result.ca_file = options.ca_file;
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

// -1: none that we understand (a date).
int retry_after_seconds(const Response& response) {
  const std::string text = response.header("retry-after");
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    return -1;
  return std::atoi(text.c_str());
}

}  // namespace

Client::Wire::Wire(Options client_options)
    : options(std::move(client_options)),
      transport(transport_options(options)),
      authorizer(transport, options.credentials) {}

Result<Endpoint> Client::Wire::endpoint(const std::string& domain) {
  const auto known = endpoints_.with([&](auto& map) -> std::optional<Endpoint> {
    const auto at = map.find(domain);
    return at == map.end() ? std::nullopt : std::optional(at->second);
  });
  if (known) return *known;
  Endpoint found = TRY(probe(domain));
  endpoints_.with([&](auto& map) { map[domain] = found; });
  return found;
}

Result<Endpoint> Client::Wire::probe(const std::string& domain) {
  const std::string host = domain == "docker.io" ? "registry-1.docker.io" : domain;
  Endpoint https{domain, TRY(parse_url("https://" + host)), options.tls_verify};
  Endpoint http{domain, TRY(parse_url("http://" + host)), options.tls_verify};
  const bool loopback = is_loopback(https.base.host);
  if (!loopback && options.tls_verify) return https;

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
  return transport.sleep(options.retry_delay_ms << (next_try - 1));
}

Result<Response> Client::Wire::send_authorized(const Endpoint& at,
                                               const std::vector<std::string>& scopes,
                                               Request& request) {
  request.verify_tls = at.verify_tls;
  request.authorization = authorizer.current(at.domain, scopes);
  auto response = transport.perform(request);
  // Another host's 401 is none of our registry's business: no credentials for it.
  if (!response || response->status != 401 || response->foreign) return response;
  request.authorization = TRY(authorizer.answer(at, scopes, *response));
  return transport.perform(request);
}

Result<Response> Client::Wire::send(const Endpoint& at, const std::vector<std::string>& scopes,
                                    Request request, bool retry_broken) {
  LICHEN_ASSERT(request.upload == nullptr);
  for (int next_try = 1;; ++next_try) {
    auto response = send_authorized(at, scopes, request);
    if (next_try == kTries) return response;
    if (!response) {
      if (!retry_broken || !worth_retrying(response.error())) return response;
      TRY(wait_before(next_try));
    } else {
      if (!worth_retrying(*response)) return response;
      const int asked = retry_after_seconds(*response);
      if (asked > kMaxRetryAfterSeconds) return response;
      if (asked >= 0) {
        TRY(transport.sleep(asked * 1000));
      } else {
        TRY(wait_before(next_try));
      }
    }
  }
}

std::vector<std::string> pull_scope(const oci::Reference& reference) {
  return {"repository:" + reference.repository + ":pull"};
}

std::vector<std::string> push_scope(const oci::Reference& reference) {
  return {"repository:" + reference.repository + ":pull,push"};
}

Url repository_url(const Endpoint& endpoint, const oci::Reference& reference,
                   const std::string& rest) {
  Url url = endpoint.base;
  url.target = "/v2/" + reference.repository + "/" + rest;
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
         (error.os_errno == ECONNRESET || error.os_errno == ETIMEDOUT);
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
