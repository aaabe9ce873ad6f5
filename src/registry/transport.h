// One HTTP request at a time, for each of many threads: bounded answers, redirects that leak
// nothing, cancellation. Knows nothing of registries.
//
//   Transport transport(options);
//   Response response = TRY(transport.perform({.url = url, .authorization = "Bearer …"}));
//
// An answer of any status is a Response; an Error means that no whole answer came:
//   kUnavailable  os_errno says why: ECONNREFUSED (no connection, no such host), EPROTO (TLS or not
//                 HTTP), ETIMEDOUT, ECONNRESET (the connection broke: trying again may help)
//   kCancelled    `cancelled` said so (asked ten times a second)
//   kCorrupt      the answer is larger than allowed, or redirects go wrong
// or it is the error of the caller's Source or Sink, unchanged.
// Thread-safe. Connections are kept alive and used again. Proxies come from the environment
// (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, or in small letters), but never for loopback.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "registry/certificates.h"
#include "registry/url.h"

namespace lichen::registry {

struct TransportOptions {
  std::string user_agent = "lichen/" LICHEN_VERSION;
  std::string ca_file;  // "": $SSL_CERT_FILE, else the host's
  // certs.d, looked up for each host that is asked; may be null, else it outlives the transport.
  CertificateDirectories* certificates = nullptr;
  int connect_timeout_ms = 10'000;
  int stall_ms = 60'000;            // less than 1 byte a second for so long: ETIMEDOUT
  std::function<bool()> cancelled;  // from any thread that performs
  // "host:port:address:port", as curl's --connect-to.
  std::vector<std::string> connect_to;
};

struct Response {
  int status = 0;
  Url url;               // after redirects
  bool foreign = false;  // from another origin than was asked: without our Authorization
  std::map<std::string, std::string> headers;  // lower-case names; repeated ones joined by ", "
  std::string body;                            // unless it went to a Sink

  std::string header(const std::string& name) const;
};

struct Request {
  std::string method = "GET";
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string authorization;         // only for the origin of `url`
  std::string body;                  // sent when there is no `upload`
  Source* upload = nullptr;          // exactly upload_bytes of it are sent
  std::uint64_t upload_bytes = 0;
  bool verify_tls = true;
  std::size_t max_body = 64 * 1024;
  // Called when all headers are there and no redirect is followed: where the body goes, or null
  // for Response::body.
  std::function<Result<Sink*>(const Response&)> on_headers;
};

class Transport {
 public:
  explicit Transport(TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Follows up to ten redirects of GET and HEAD: never from https to http.
  Result<Response> perform(const Request& request);
  bool cancelled() const;
  // kCancelled as soon as somebody cancels.
  Result<void> sleep(int milliseconds) const;

 private:
  struct Handle;
  struct Pool;
  Result<void> set_tls(Handle& handle, const Request& request, const Url& url) const;
  Result<Response> perform_once(const Request& request, const Url& url, bool foreign);
  TransportOptions options_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace lichen::registry
