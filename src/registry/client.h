// A registry as a place to get documents and blobs from and to put them to (OCI distribution-spec
// 1.1, Docker registry API v2).
//
//   CredentialFiles credentials(credential_sources());
//   auto client = TRY(Client::create({.credentials = &credentials}));
//   oci::Descriptor image = TRY(client->resolve(reference));
//   FetchedDocument document = TRY(client->fetch_manifest(reference, image.digest.text()));
//   TRY(client->fetch_blob(reference, layer, sink));
//
// Every call blocks; calls from several threads run side by side, each on its own connection. What
// comes back has been checked: size and digest of every document and blob (kCorrupt otherwise).
// Errors: kNotFound, kDenied (log in), kUnavailable (network or server; names the host), kCancelled
// within 200 ms of `cancelled`. Broken connections, 429 and 5xx are tried three times.
//
// Plain http is for loopback (where it is tried first), and with tls_verify = false a last resort
// that never carries credentials.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/stream.h"
#include "oci/reference.h"
#include "oci/types.h"
#include "registry/credentials.h"
#include "registry/registries_conf.h"

namespace lichen::registry {

struct ClientOptions {
  bool tls_verify = true;
  Credentials* credentials = nullptr;                // null: anonymous; else it outlives the client
  bool want_refresh_token = false;                   // for login()
  std::function<bool()> cancelled;                   // asked often, from the calling threads
  std::string user_agent;                            // "": lichen/VERSION
  std::string ca_file;                               // "": $SSL_CERT_FILE, else the host's
  std::vector<std::string> certificate_directories;  // certs.d (certificates.h)
  std::function<Result<RegistriesConf>()> registries_conf;  // called when first needed; null: none
  int connect_timeout_ms = 10'000;
  int stall_ms = 60'000;     // less than a byte a second for so long counts as broken
  int retry_delay_ms = 500;  // doubled with each try
  // "host:port:address:port" as curl's --connect-to: reach a registry at another address.
  std::vector<std::string> connect_to;
};

struct FetchedDocument {
  oci::Descriptor descriptor;
  std::string bytes;
};

// A document that says of itself that it is about another one.
struct Referrer {
  oci::Descriptor descriptor;
  std::string artifact_type;
};

enum class Pushed { kUploaded, kMounted, kExisted };

class Client {
 public:
  using Options = ClientOptions;
  // Touches no network. A host without libcurl shows with the first request (kUnsupported).
  static Result<std::unique_ptr<Client>> create(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // What `reference` (its digest, else its tag) names now: a manifest or an index.
  Result<oci::Descriptor> resolve(const oci::Reference& reference);
  // The document `tag_or_digest` of the reference's repository; "": what the reference names.
  Result<FetchedDocument> fetch_manifest(const oci::Reference& reference,
                                         const std::string& tag_or_digest = {});
  // Streams the blob into `sink`, and never more than its size. Continues where a broken
  // connection stopped. Does not close `sink`; after an error its bytes are worth nothing. After
  // kCorrupt another try asks none of the mirrors that had a part in it.
  Result<void> fetch_blob(const oci::Reference& reference, const oci::Descriptor& blob, Sink& sink);

  Result<bool> has_blob(const oci::Reference& reference, const Digest& digest);
  // Sends the blob unless the registry has it, or can take it from another repository: `mount_from`
  // or, without, one where this client has seen it. `open` gives its bytes, once for each try.
  // Where the registry allows it, goes on after a broken connection; in parts when it refuses the
  // whole as too large.
  Result<Pushed> push_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                           const std::function<Result<std::unique_ptr<Source>>()>& open,
                           std::string mount_from = {});
  // Says that the repository has the blob: a source for other repositories of the registry.
  void remember_blob(const oci::Reference& reference, const Digest& blob);
  // "": what the reference names. The blobs that it lists must be there. A document with a subject
  // is listed among its referrers.
  Result<oci::Descriptor> push_manifest(const oci::Reference& reference,
                                        const std::string& tag_or_digest,
                                        const std::string& media_type, std::string_view bytes);
  // What is about `subject`, of one type or of all; from the registry's list, or that under the tag
  // sha256-HEX.
  Result<std::vector<Referrer>> referrers(const oci::Reference& reference, const Digest& subject,
                                          const std::string& artifact_type = {});

  // The tags of the reference's repository, in the registry's order.
  Result<std::vector<std::string>> tags(const oci::Reference& reference);
  // Removes a manifest or an index, and with it every tag that names it.
  Result<void> remove_manifest(const oci::Reference& reference, const Digest& digest);

  // Asks the registry whether the credentials are good; kDenied: they are not. Gives a refresh
  // token, where the registry has such, or "".
  Result<std::string> login(const std::string& domain);

  struct Wire;  // wire.h

 private:
  explicit Client(std::unique_ptr<Wire> wire);
  std::unique_ptr<Wire> wire_;
};

}  // namespace lichen::registry
