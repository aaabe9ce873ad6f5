#include "registry/transport.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "base/guarded.h"
#include "base/text.h"
#include "os/file.h"
#include "registry/curl_library.h"

namespace lichen::registry {

namespace {

constexpr std::size_t kMaxHeaders = 64 * 1024;  // of one answer
constexpr int kMaxRedirects = 10;
constexpr long kBufferBytes = 512 * 1024;
constexpr int kPollMs = 100;  // how often `cancelled` is asked while nothing moves

}  // namespace

// An easy handle and the multi handle that holds its live connections.
struct Transport::Handle {
  const CurlLibrary& curl;
  CURL* easy;
  CURLM* multi;

  explicit Handle(const CurlLibrary& library)
      : curl(library), easy(library.easy_init()), multi(library.multi_init()) {
    LICHEN_ASSERT(easy != nullptr && multi != nullptr);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    curl.easy_cleanup(easy);
    curl.multi_cleanup(multi);
  }
  template <class T>
  void set(CURLoption option, T value) {
    curl.easy_setopt(easy, option, value);
  }
};

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The first of the variables that is set, as Go programs read them; libcurl takes small letters
// alone for http.
std::string proxy_for(const Url& url) {
  if (is_loopback(url.host)) return "";
  const bool secure = url.scheme == "https";
  for (const char* name : {secure ? "HTTPS_PROXY" : "HTTP_PROXY",
                           secure ? "https_proxy" : "http_proxy", "ALL_PROXY", "all_proxy"})
    if (std::string value = variable(name); !value.empty()) return value;
  return "";
}

std::string hosts_without_proxy() {
  std::string value = variable("NO_PROXY");
  return value.empty() ? variable("no_proxy") : value;
}

std::string host_and_port(const Url& url) {
  return url.port == 0 ? url.host : url.host + ":" + std::to_string(url.port);
}

// The authorities that the host trusts, as PEM.
Result<std::string> own_authorities(const std::string& file) {
  if (!file.empty()) return os::read_file(file);
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    if (auto text = TRY(os::find_file(path))) return *std::move(text) + "\n";
  return "";
}

// What the callbacks of one exchange share. They stop the transfer by returning a short count; the
// reason is then in `failure`.
struct Exchange {
  const Request& request;
  Response response;
  bool redirect = false;      // the body of a redirect is not wanted
  bool headers_done = false;  // on_headers has been asked
  Sink* sink = nullptr;
  std::size_t header_bytes = 0;
  std::uint64_t uploaded = 0;
  std::uint64_t moved = 0;  // in both directions
  std::optional<Error> failure;

  bool begin_body() {
    if (headers_done) return true;
    headers_done = true;
    if (redirect || !request.on_headers) return true;
    auto chosen = request.on_headers(response);
    if (!chosen) {
      failure = std::move(chosen).error();
      return false;
    }
    sink = *chosen;
    return true;
  }
};

// Tells when less than a byte a second has moved for the time limit, which it looks at in quarters.
class StallClock {
 public:
  explicit StallClock(int limit_ms) : quarter_(limit_ms / 4) {}
  bool stalled(std::uint64_t moved) {
    const auto now = std::chrono::steady_clock::now();
    if (now - since_ < quarter_) return false;
    const auto enough = static_cast<std::uint64_t>(quarter_.count()) / 1000;
    idle_quarters_ = moved - moved_ <= enough ? idle_quarters_ + 1 : 0;
    since_ = now;
    moved_ = moved;
    return idle_quarters_ == 4;
  }

 private:
  const std::chrono::milliseconds quarter_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::uint64_t moved_ = 0;
  int idle_quarters_ = 0;
};

bool is_redirect(const Request& request, const Response& response) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return (request.method == "GET" || request.method == "HEAD") &&
             !response.header("location").empty();
    default:
      return false;
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  Response& response = exchange.response;
  exchange.moved += size;
  exchange.header_bytes += size;
  if (exchange.header_bytes > kMaxHeaders) {
    exchange.failure = Error{.code = Errc::kCorrupt,
                             .message = "more than 64 KiB of headers from " + response.url.host};
    return 0;
  }
  const std::string_view line = trim({data, size});
  if (starts_with(line, "HTTP/")) {  // also after 100 Continue and a proxy's answer
    const std::size_t blank = line.find(' ');
    response.status = blank == std::string_view::npos
                          ? 0
                          : std::atoi(std::string(line.substr(blank + 1, 3)).c_str());
    response.headers.clear();
    return size;
  }
  if (line.empty()) {
    exchange.redirect = is_redirect(exchange.request, response);
    return size;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string& value = response.headers[to_lower(trim(line.substr(0, colon)))];
  if (!value.empty()) value += ", ";
  value += trim(line.substr(colon + 1));
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.moved += size;
  if (!exchange.begin_body()) return 0;
  if (exchange.redirect) {
    exchange.header_bytes += size;  // an endless body is not awaited
    return exchange.header_bytes > kMaxHeaders ? 0 : size;
  }
  if (exchange.sink != nullptr) {
    if (auto written = exchange.sink->write({data, size}); !written) {
      exchange.failure = std::move(written).error();
      return 0;
    }
    return size;
  }
  if (exchange.response.body.size() + size > exchange.request.max_body) {
    exchange.failure =
        Error{.code = Errc::kCorrupt,
              .message = "the answer of " + exchange.response.url.host + " is larger than " +
                         std::to_string(exchange.request.max_body) + " bytes"};
    return 0;
  }
  exchange.response.body.append(data, size);
  return size;
}

std::size_t on_upload(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::uint64_t rest = exchange.request.upload_bytes - exchange.uploaded;
  if (rest == 0) return 0;
  auto count = exchange.request.upload->read(data, std::min<std::uint64_t>(size, rest));
  if (count && *count == 0)
    count = fail(Errc::kCorrupt, "the data to send is shorter than its size");
  if (!count) {
    exchange.failure = std::move(count).error();
    return CURL_READFUNC_ABORT;
  }
  exchange.uploaded += *count;
  exchange.moved += *count;
  return *count;
}

// The proxy's refusal to connect us.
std::optional<Error> proxy_error(CURL* easy, const CurlLibrary& curl) {
  long status = 0;
  curl.easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
  if (status == 0 || (status >= 200 && status < 300)) return std::nullopt;
  if (status == 407)
    return Error{.code = Errc::kDenied,
                 .message = "the proxy wants a login",
                 .hint = "write it into the proxy's URL: http://USER:PASSWORD@HOST:PORT"};
  return Error{
      .code = status >= 500 ? Errc::kUnavailable : Errc::kDenied,
      .os_errno = status >= 500 ? ECONNRESET : 0,
      .message = "the proxy does not connect us: it answered with status " + std::to_string(status),
      .hint = "check HTTPS_PROXY and NO_PROXY"};
}

Error transfer_error(CURLcode code, const Url& url, const CurlLibrary& curl) {
  Error error{.code = Errc::kUnavailable};
  error.message = host_and_port(url) + ": ";
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      error.os_errno = ECONNREFUSED;
      error.message += "no such host";
      error.hint = "check the name and the DNS of this machine";
      break;
    case CURLE_COULDNT_RESOLVE_PROXY:
      error.os_errno = ECONNREFUSED;
      error.message += "the proxy's host does not exist";
      error.hint = "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY";
      break;
    case CURLE_COULDNT_CONNECT:
      error.os_errno = ECONNREFUSED;
      error.message += "cannot connect";
      error.hint = "check the name, the port, and whether a proxy is needed (HTTPS_PROXY)";
      break;
    case CURLE_OPERATION_TIMEDOUT:
      error.os_errno = ETIMEDOUT;
      error.message += "timed out";
      error.hint = "check the network, and whether a proxy is needed (HTTPS_PROXY)";
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      error.os_errno = EPROTO;
      error.message += "its TLS certificate is not trusted";
      error.hint = "put the CA's certificate into ~/.config/containers/certs.d/" +
                   host_and_port(url) + "/ca.crt, or set SSL_CERT_FILE";
      break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9: what a TLS server's alert looks like
    case CURLE_WEIRD_SERVER_REPLY:
      error.os_errno = EPROTO;
      error.message += url.scheme == "https" ? "TLS handshake failed" : "it does not speak HTTP";
      break;
    default:
      error.os_errno = ECONNRESET;
      error.message += std::string("the connection broke (") + curl.easy_strerror(code) + ")";
  }
  return error;
}

}  // namespace

struct Transport::Pool {
  Guarded<std::vector<std::unique_ptr<Handle>>> idle;
};

Result<void> Transport::set_tls(Handle& handle, const Request& request, const Url& url) const {
  if (url.scheme != "https") return {};
  Certificates certificates;
  if (options_.certificates != nullptr)
    certificates = TRY(options_.certificates->find(host_and_port(url)));
  if (!certificates.client_cert.empty()) {
    handle.set(CURLOPT_SSLCERT, certificates.client_cert.c_str());
    handle.set(CURLOPT_SSLKEY, certificates.client_key.c_str());
  }
  if (!request.verify_tls) {
    handle.set(CURLOPT_SSL_VERIFYPEER, 0L);
    handle.set(CURLOPT_SSL_VERIFYHOST, 0L);
    return {};
  }
  if (certificates.authorities.empty()) {
    if (!options_.ca_file.empty()) handle.set(CURLOPT_CAINFO, options_.ca_file.c_str());
    return {};
  }
  std::string trusted = TRY(own_authorities(options_.ca_file)) + certificates.authorities;
  curl_blob blob{.data = trusted.data(), .len = trusted.size(), .flags = CURL_BLOB_COPY};
  if (handle.curl.easy_setopt(handle.easy, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK)
    return fail(Errc::kUnsupported, "this libcurl takes no certificates of certs.d",
                "install libcurl 7.77 or newer with OpenSSL, or set SSL_CERT_FILE");
  return {};
}

std::string Response::header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? "" : at->second;
}

Transport::Transport(TransportOptions options)
    : options_(std::move(options)), pool_(std::make_unique<Pool>()) {
  if (const char* file = std::getenv("SSL_CERT_FILE"); options_.ca_file.empty() && file != nullptr)
    options_.ca_file = file;
}
Transport::~Transport() = default;

bool Transport::cancelled() const {
  return options_.cancelled && options_.cancelled();
}

Result<void> Transport::sleep(int milliseconds) const {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (!cancelled()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return {};
    std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(kPollMs)));
  }
  return fail(Errc::kCancelled, "cancelled");
}

Result<Response> Transport::perform(const Request& request) {
  Url url = request.url;
  bool foreign = false;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    Response response = TRY(perform_once(request, url, foreign));
    if (!is_redirect(request, response)) return response;
    auto next = resolve_location(url, response.header("location"));
    if (!next)
      return fail(Errc::kCorrupt,
                  "bad redirect from " + without_query(url) + ": " + next.error().message);
    if (url.scheme == "https" && next->scheme != "https")
      return fail(Errc::kCorrupt,
                  "refusing the redirect from https to http: " + without_query(*next));
    foreign = foreign || !same_origin(request.url, *next);
    url = *std::move(next);
  }
  return fail(Errc::kCorrupt, "more than 10 redirects from " + without_query(request.url));
}

Result<Response> Transport::perform_once(const Request& request, const Url& url, bool foreign) {
  const CurlLibrary& curl = *TRY(curl_library());
  if (cancelled()) return fail(Errc::kCancelled, "cancelled");
  std::unique_ptr<Handle> handle = pool_->idle.with([](auto& idle) {
    std::unique_ptr<Handle> one;
    if (idle.empty()) return one;
    one = std::move(idle.back());
    idle.pop_back();
    return one;
  });
  if (handle == nullptr) handle = std::make_unique<Handle>(curl);

  Exchange exchange{.request = request, .response = {.url = url, .foreign = foreign}};
  curl.easy_reset(handle->easy);
  const std::string text = to_text(url);
  handle->set(CURLOPT_URL, text.c_str());
  handle->set(CURLOPT_PATH_AS_IS, 1L);
  handle->set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  handle->set(CURLOPT_NOSIGNAL, 1L);
  handle->set(CURLOPT_QUICK_EXIT, 1L);  // cancelling does not wait for a slow DNS
  handle->set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle->set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  handle->set(CURLOPT_TCP_KEEPALIVE, 1L);
  handle->set(CURLOPT_BUFFERSIZE, kBufferBytes);
  handle->set(CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  handle->set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  handle->set(CURLOPT_PROXY, proxy_for(url).c_str());
  handle->set(CURLOPT_NOPROXY, hosts_without_proxy().c_str());
  TRY(set_tls(*handle, request, url));

  curl_slist* headers = nullptr;
  const auto add_header = [&](const std::string& line) {
    headers = curl.slist_append(headers, line.c_str());
  };
  for (const std::string& line : request.headers) add_header(line);
  if (!request.authorization.empty() && !foreign)
    add_header("Authorization: " + request.authorization);
  add_header("Expect:");  // a server that ignores it would cost a second
  curl_slist* connect_to = nullptr;
  for (const std::string& line : options_.connect_to)
    connect_to = curl.slist_append(connect_to, line.c_str());
  handle->set(CURLOPT_HTTPHEADER, headers);
  handle->set(CURLOPT_CONNECT_TO, connect_to);

  handle->set(CURLOPT_HEADERFUNCTION, on_header);
  handle->set(CURLOPT_HEADERDATA, &exchange);
  handle->set(CURLOPT_WRITEFUNCTION, on_body);
  handle->set(CURLOPT_WRITEDATA, &exchange);
  if (request.method == "HEAD") {
    handle->set(CURLOPT_NOBODY, 1L);
  } else if (request.upload != nullptr) {
    handle->set(CURLOPT_UPLOAD, 1L);
    handle->set(CURLOPT_READFUNCTION, on_upload);
    handle->set(CURLOPT_READDATA, &exchange);
    handle->set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload_bytes));
  } else if (request.method != "GET") {
    handle->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    handle->set(CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method != "HEAD") handle->set(CURLOPT_CUSTOMREQUEST, request.method.c_str());

  curl.multi_add_handle(handle->multi, handle->easy);
  // A registry reads a blob once more before it answers an upload.
  StallClock stall((request.upload != nullptr ? 5 : 1) * options_.stall_ms);
  CURLcode code = CURLE_OPERATION_TIMEDOUT;
  bool stopped = false;
  for (int running = 1; running != 0 && !stopped;) {
    curl.multi_perform(handle->multi, &running);
    if (running != 0) curl.multi_poll(handle->multi, nullptr, 0, kPollMs, nullptr);
    stopped = cancelled();
    if (stall.stalled(exchange.moved)) break;
  }
  int left = 0;
  if (const CURLMsg* message = curl.multi_info_read(handle->multi, &left)) {
    code = message->data.result;
    stopped = false;
  }
  const auto refused_by_proxy = code == CURLE_OK ? std::nullopt : proxy_error(handle->easy, curl);
  curl.multi_remove_handle(handle->multi, handle->easy);
  curl.slist_free_all(headers);
  curl.slist_free_all(connect_to);
  pool_->idle.with([&](auto& idle) { idle.push_back(std::move(handle)); });

  if (stopped) return fail(Errc::kCancelled, "cancelled");
  if (exchange.failure) return fail(*std::move(exchange.failure));
  // The body of a redirect may be cut off: its headers are all that matters.
  if (exchange.redirect && code == CURLE_WRITE_ERROR) return std::move(exchange.response);
  if (refused_by_proxy) return fail(*refused_by_proxy);
  if (code != CURLE_OK) return fail(transfer_error(code, url, curl));
  if (!exchange.begin_body()) return fail(*std::move(exchange.failure));  // an empty body
  return std::move(exchange.response);
}

}  // namespace lichen::registry
