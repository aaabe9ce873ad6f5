// A client as the caller's files and variables want it: credentials, certificates, mirrors.
//
//   const HostClient host = TRY(make_host_client({.tls_verify = verify, .cancelled = cancelled}));
//   TRY(host.client->resolve(reference));
#pragma once

#include <memory>

#include "base/result.h"
#include "registry/client.h"
#include "registry/credentials.h"

namespace lichen::registry {

struct HostClient {
  std::unique_ptr<Credentials> credentials;  // outlives the client
  std::unique_ptr<Client> client;
};
// `options`: what the files do not say. Without credentials in them, those of the caller's files
// are used. Touches no network.
Result<HostClient> make_host_client(ClientOptions options);

}  // namespace lichen::registry
