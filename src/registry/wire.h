// What pulling and pushing share inside Client: locations and endpoints, authorised requests with
// retries, and errors made from answers. Private to registry/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "registry/authorizer.h"
#include "registry/client.h"
#include "registry/transport.h"

namespace lichen::registry {

// How often something is tried; a mirror, for which there is another place, less often.
inline constexpr int kTries = 5;
inline constexpr int kMirrorTries = 2;
inline int tries_at(const Place& place) {
  return place.is_mirror ? kMirrorTries : kTries;
}

struct Client::Wire {
  explicit Wire(Options client_options);

  // Asks one place after another that may have the image: mirrors, then the registry itself.
  template <class T>
  Result<T> pull(const oci::Reference& reference,
                 const std::function<Result<T>(const Place&)>& ask);
  Result<Place> push_place(const oci::Reference& reference);

  // Adds Authorization, answers one 401, and tries again after 429 and 5xx; also after a broken
  // connection with `retry_broken`. Not for uploads: their bytes cannot be sent twice.
  Result<Response> send(const Place& place, const std::vector<std::string>& scopes, Request request,
                        bool retry_broken);
  Result<void> wait_before(int next_try);  // 1: the second
  // As long as a busy server asks for; false: longer than anybody would wait.
  Result<bool> wait_after(const Response& answer, int next_try);

  Result<const RegistriesConf*> registries_conf();
  // Finds out, once for a registry, whether it is https or http.
  Result<Endpoint> endpoint(const std::string& domain, bool insecure);

  // A repository of the domain that has the blob, other than `but`; or "".
  std::string find_repository(const oci::Reference& but, const Digest& blob);
  void remember_blob(const oci::Reference& reference, const Digest& blob);
  // Nothing more is asked of it.
  void mark_down(const oci::Reference& mirror);

  Options options;
  CertificateDirectories certificates;
  Transport transport;
  Authorizer authorizer;

 private:
  Result<Endpoint> probe(const std::string& domain, bool insecure);
  Result<Response> send_authorized(const Place& place, const std::vector<std::string>& scopes,
                                   Request& request);
  Result<Place> place(Location location);
  bool is_down(const Location& mirror);

  Guarded<std::optional<RegistriesConf>> registries_conf_;  // read once; never changed then
  Guarded<std::map<std::string, Endpoint>> endpoints_;
  Guarded<std::set<std::string>> down_;  // domains of mirrors
  Guarded<std::map<std::pair<std::string, Digest>, std::string>> repositories_;  // by domain, blob
};

// An error that another place may not have: anything but what went wrong on this machine.
bool is_of_the_place(const Error& error);

template <class T>
Result<T> Client::Wire::pull(const oci::Reference& reference,
                             const std::function<Result<T>(const Place&)>& ask) {
  std::string mirrors;  // what went wrong there
  for (Location& location : TRY(TRY(registries_conf())->pull_locations(reference))) {
    if (location.is_mirror && is_down(location)) continue;
    const auto answer = [&]() -> Result<T> { return ask(TRY(place(location))); }();
    if (answer || !is_of_the_place(answer.error())) return answer;
    if (!location.is_mirror) {
      Error error = answer.error();
      error.message += mirrors;
      return fail(std::move(error));
    }
    if (answer.error().code == Errc::kUnavailable) mark_down(location.reference);
    mirrors += "; mirror: " + to_text(answer.error());
  }
  return fail(Errc::kInternal, "an image without a location");
}

std::vector<std::string> pull_scope(const Place& place);
std::vector<std::string> push_scope(const Place& place);
// base + "v2/REPOSITORY/" + rest
Url repository_url(const Place& place, const std::string& rest);
std::string repository_text(const oci::Reference& reference);  // "docker.io/library/x"
// The tag or digest to ask for; refuses what is neither.
Result<std::string> document_name(const oci::Reference& reference,
                                  const std::string& tag_or_digest);
// An answer that is not what was hoped for; `what` begins the message.
Error answer_error(const Response& response, const std::string& what);
// A broken connection or a busy server, as opposed to something that will fail again.
bool worth_retrying(const Error& error);
bool worth_retrying(const Response& response);

}  // namespace lichen::registry
