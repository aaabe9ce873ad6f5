// What pulling and pushing share inside Client: endpoints, authorised requests with retries, and
// errors made from answers. Private to registry/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "registry/authorizer.h"
#include "registry/client.h"
#include "registry/transport.h"

namespace lichen::registry {

inline constexpr int kTries = 3;

struct Client::Wire {
  explicit Wire(Options client_options);

  // Finds out, once for a domain, whether it is https or http.
  Result<Endpoint> endpoint(const std::string& domain);
  // Adds Authorization, answers one 401, and tries again after 429 and 5xx; also after a broken
  // connection with `retry_broken`. Not for uploads: their bytes cannot be sent twice.
  Result<Response> send(const Endpoint& endpoint, const std::vector<std::string>& scopes,
                        Request request, bool retry_broken);
  Result<void> wait_before(int next_try);  // 1: the second

  Options options;
  Transport transport;
  Authorizer authorizer;

 private:
  Result<Endpoint> probe(const std::string& domain);
  Result<Response> send_authorized(const Endpoint& endpoint, const std::vector<std::string>& scopes,
                                   Request& request);
  Guarded<std::map<std::string, Endpoint>> endpoints_;
};

std::vector<std::string> pull_scope(const oci::Reference& reference);
std::vector<std::string> push_scope(const oci::Reference& reference);
// base + "v2/REPOSITORY/" + rest
Url repository_url(const Endpoint& endpoint, const oci::Reference& reference,
                   const std::string& rest);
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
