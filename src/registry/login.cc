// Client: who we are.
#include "registry/wire.h"

namespace lichen::registry {

Result<std::string> Client::login(const std::string& domain) {
  const bool insecure = TRY(wire_->registries_conf())->is_insecure(domain);
  const Place place{.endpoint = TRY(wire_->endpoint(domain, insecure)),
                    .reference = {.domain = domain}};
  Request request{.url = place.endpoint.base};
  request.url.target = "/v2/";
  const Response response = TRY(wire_->send(place, {}, request, /*retry_broken=*/true));
  if (response.status == 401 || response.status == 403)
    return fail(Error{.code = Errc::kDenied, .message = domain + " refused the credentials"});
  if (response.status != 200) return fail(answer_error(response, domain));
  return wire_->authorizer.refresh_token();
}

}  // namespace lichen::registry
