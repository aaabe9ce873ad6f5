#include "registry/host_client.h"

#include "registry/certificates.h"
#include "registry/registries_conf.h"

namespace lichen::registry {

Result<HostClient> make_host_client(ClientOptions options) {
  HostClient host;
  if (options.credentials == nullptr) {
    host.credentials = std::make_unique<CredentialFiles>(credential_sources());
    options.credentials = host.credentials.get();
  }
  options.certificate_directories = certificate_directories();
  options.registries_conf = read_registries_conf;
  host.client = TRY(Client::create(std::move(options)));
  return host;
}

}  // namespace lichen::registry
