// Client: what goes to a registry.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/text.h"
#include "registry/referrers.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

constexpr std::uint64_t kFirstPart = 16u << 20;  // when a registry refuses the whole
constexpr std::uint64_t kLeastPart = 256u << 10;
constexpr std::uint64_t kProgressBytes = 1u << 20;

using OpenBlob = std::function<Result<std::unique_ptr<Source>>()>;

// Tells an error of the caller's bytes from one of the network.
class OwnSource final : public Source {
 public:
  explicit OwnSource(Source& from) : from_(from) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    auto count = from_.read(buffer, size);
    failed_ = !count;
    return count;
  }
  bool failed() const { return failed_; }

 private:
  Source& from_;
  bool failed_ = false;
};

Result<void> skip(Source& source, std::uint64_t bytes) {
  std::vector<char> buffer(64 * 1024);
  while (bytes > 0) {
    const std::size_t count =
        TRY(source.read(buffer.data(), std::min<std::uint64_t>(bytes, buffer.size())));
    if (count == 0) return fail(Errc::kCorrupt, "the data to send is shorter than its size");
    bytes -= count;
  }
  return {};
}

// The N of "0-(N-1)": how much of an upload a registry has.
std::optional<std::uint64_t> received_bytes(const Response& response) {
  const std::string range = response.header("range");
  const std::size_t dash = range.find('-');
  const std::string last = dash == std::string::npos ? "" : range.substr(dash + 1);
  if (last.empty() || last.size() > 18 || last.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const std::uint64_t end = std::strtoull(last.c_str(), nullptr, 10);
  return end == 0 ? 0 : end + 1;  // an empty upload says 0-0
}

// Where an upload goes on: the Location of the last answer.
Result<Url> upload_url(const Endpoint& endpoint, const Response& opened) {
  Url url = TRY(resolve_location(opened.url, opened.header("location")));
  if (endpoint.base.scheme == "https" && url.scheme == "http") {
    // Registries behind a TLS proxy believe that they are plain http.
    if (url.host != endpoint.base.host)
      return fail(Errc::kCorrupt, "refusing to upload over plain http to " + without_query(url));
    url.scheme = "https";
    url.port = endpoint.base.port;
  }
  return url;
}

// One upload session at a registry.
class Upload {
 public:
  Upload(Client::Wire& wire, const Place& place, const std::vector<std::string>& scopes,
         const oci::Descriptor& blob, const OpenBlob& open)
      : wire_(wire), place_(place), scopes_(scopes), blob_(blob), open_(open) {}

  // `opened`: the answer to POST, 202. `part`: bytes a request; 0: all in one. Goes on where the
  // connection broke as long as that brings it further.
  Result<Response> run(const Response& opened, std::uint64_t part);
  // It is the caller's bytes that could not be had.
  bool failed() const { return own_ && own_->failed(); }

 private:
  Result<Response> exchange(Request request);
  Result<Response> send_whole();
  Result<Response> send_part(std::uint64_t size);
  Result<Response> finish();
  Result<bool> ask_where();

  Client::Wire& wire_;
  const Place& place_;
  const std::vector<std::string>& scopes_;
  const oci::Descriptor& blob_;
  const OpenBlob& open_;
  Url url_;
  std::uint64_t sent_ = 0;
  std::unique_ptr<Source> bytes_;  // at `sent_`
  std::optional<OwnSource> own_;
};

Result<Response> Upload::exchange(Request request) {
  request.verify_tls = place_.endpoint.verify_tls;
  // An upload may go to a storage service, which must not see our token.
  if (same_origin(request.url, place_.endpoint.base))
    request.authorization = wire_.authorizer.current(place_, scopes_);
  auto response = wire_.transport.perform(request);
  if (response && response->status == 401 && same_origin(request.url, place_.endpoint.base))
    (void)TRY(wire_.authorizer.answer(place_, scopes_, *response, request.authorization));
  return response;
}

Result<Response> Upload::send_whole() {
  Url url = url_;
  add_query(url, "digest=" + percent_encoded(blob_.digest.text()));
  return exchange({.method = "PUT",
                   .url = std::move(url),
                   .headers = {"Content-Type: application/octet-stream"},
                   .upload = &*own_,
                   .upload_bytes = blob_.size});
}

Result<Response> Upload::send_part(std::uint64_t size) {
  const std::string range = std::to_string(sent_) + "-" + std::to_string(sent_ + size - 1);
  auto response =
      exchange({.method = "PATCH",
                .url = url_,
                .headers = {"Content-Type: application/octet-stream", "Content-Range: " + range},
                .upload = &*own_,
                .upload_bytes = size});
  if (!response || response->status != 202) return response;
  url_ = TRY(upload_url(place_.endpoint, *response));
  const std::uint64_t received = received_bytes(*response).value_or(sent_ + size);
  if (received != sent_ + size)
    return fail(Error{.code = Errc::kUnavailable,
                      .os_errno = ECONNRESET,
                      .message = response->url.host + " took " + std::to_string(received) + " of " +
                                 std::to_string(sent_ + size) + " bytes"});
  sent_ = received;
  return response;
}

Result<Response> Upload::finish() {
  Url url = url_;
  add_query(url, "digest=" + percent_encoded(blob_.digest.text()));
  return exchange({.method = "PUT", .url = std::move(url)});
}

// After a broken connection: how far did we come? false: the registry does not say.
Result<bool> Upload::ask_where() {
  auto response = exchange({.url = url_});
  if (!response) {
    if (worth_retrying(response.error())) return false;
    return fail(std::move(response).error());
  }
  const auto received = received_bytes(*response);
  if (response->status != 204 || !received || *received == 0 || *received > blob_.size)
    return false;
  if (!response->header("location").empty()) url_ = TRY(upload_url(place_.endpoint, *response));
  sent_ = *received;
  return true;
}

Result<Response> Upload::run(const Response& opened, std::uint64_t part) {
  url_ = TRY(upload_url(place_.endpoint, opened));
  for (std::uint64_t before = 0;; before = sent_) {
    bytes_ = TRY(open_());
    own_.emplace(*bytes_);
    TRY(skip(*own_, sent_));
    auto response = [&]() -> Result<Response> {
      if (part == 0) return send_whole();
      while (sent_ < blob_.size) {
        auto taken = send_part(std::min(part, blob_.size - sent_));
        if (!taken || taken->status != 202) return taken;
      }
      return finish();
    }();
    const bool broken = response ? worth_retrying(*response) || response->status == 401
                                 : worth_retrying(response.error()) && !failed();
    if (!broken || !TRY(ask_where()) || sent_ < before + kProgressBytes) return response;
    if (part == 0) part = blob_.size;  // what is missing is a part
  }
}

bool is_stored(const Response& response) {
  return response.status == 201 || response.status == 200 || response.status == 204;
}

Result<Pushed> push_blob_to(Client::Wire& wire, const Place& place, const oci::Descriptor& blob,
                            const OpenBlob& open, const std::string& mount_from) {
  const std::string what =
      "push blob " + blob.digest.text() + " to " + repository_text(place.reference);
  std::vector<std::string> scopes = push_scope(place);
  if (!mount_from.empty()) scopes.push_back("repository:" + mount_from + ":pull");
  std::uint64_t part = 0;  // 0: all in one request

  for (int next_try = 1;; ++next_try) {
    // Also before another try: a connection may break after the registry has everything.
    const Response head = TRY(
        wire.send(place, scopes,
                  {.method = "HEAD", .url = repository_url(place, "blobs/" + blob.digest.text())},
                  /*retry_broken=*/true));
    if (head.status == 200) return Pushed::kExisted;
    if (head.status == 401 || head.status == 403) return fail(answer_error(head, what));

    Request start{.method = "POST", .url = repository_url(place, "blobs/uploads/")};
    if (!mount_from.empty() && next_try == 1) {
      add_query(start.url, "mount=" + percent_encoded(blob.digest.text()));
      add_query(start.url, "from=" + percent_encoded(mount_from));
    }
    const Response opened = TRY(wire.send(place, scopes, start, /*retry_broken=*/true));
    if (opened.status == 201) return Pushed::kMounted;
    if (opened.status != 202) return fail(answer_error(opened, what));

    Upload upload(wire, place, scopes, blob, open);
    auto done = upload.run(opened, part);
    if (done && is_stored(*done)) return Pushed::kUploaded;
    Error problem = done ? answer_error(*done, what) : Error(done.error()).in(what);
    const bool too_large = done && done->status == 413 && part != kLeastPart;
    if (too_large)
      part = std::max((part == 0 ? std::min(4 * kFirstPart, blob.size) : part) / 4, kLeastPart);
    // 404 and 416: the registry forgot the upload or lost its place; a new one may do.
    const bool again = done ? worth_retrying(*done) || done->status == 404 || done->status == 416 ||
                                  done->status == 401
                            : worth_retrying(problem) && !upload.failed();
    if (too_large) continue;
    if (!again || next_try >= kTries) return fail(std::move(problem));
    if (!done) {
      TRY(wire.wait_before(next_try));
    } else if (!TRY(wire.wait_after(*done, next_try))) {
      return fail(std::move(problem));
    }
  }
}

}  // namespace

Result<bool> Client::has_blob(const oci::Reference& reference, const Digest& digest) {
  const Place place = TRY(wire_->push_place(reference));
  const Response response =
      TRY(wire_->send(place, pull_scope(place),
                      {.method = "HEAD", .url = repository_url(place, "blobs/" + digest.text())},
                      /*retry_broken=*/true));
  if (response.status == 200) return true;
  if (response.status == 404) return false;
  return fail(
      answer_error(response, "blob " + digest.text() + " of " + repository_text(place.reference)));
}

void Client::remember_blob(const oci::Reference& reference, const Digest& blob) {
  wire_->remember_blob(reference, blob);
}

Result<Pushed> Client::push_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                                 const OpenBlob& open, std::string mount_from) {
  if (blob.digest.empty()) return fail(Errc::kInvalid, "a blob without a digest");
  const Place place = TRY(wire_->push_place(reference));
  if (mount_from.empty()) mount_from = wire_->find_repository(place.reference, blob.digest);
  auto pushed = push_blob_to(*wire_, place, blob, open, mount_from);
  // Who may not read there sends the bytes.
  if (!pushed && !mount_from.empty() && pushed.error().code == Errc::kDenied)
    pushed = push_blob_to(*wire_, place, blob, open, "");
  if (pushed) wire_->remember_blob(place.reference, blob.digest);
  return pushed;
}

Result<oci::Descriptor> Client::push_manifest(const oci::Reference& reference,
                                              const std::string& tag_or_digest,
                                              const std::string& media_type,
                                              std::string_view bytes) {
  const std::string name = TRY(document_name(reference, tag_or_digest));
  const oci::Descriptor descriptor{
      .media_type = media_type, .digest = sha256(bytes), .size = bytes.size()};
  if (name.find(':') != std::string::npos && name != descriptor.digest.text())
    return fail(Errc::kInvalid,
                "push " + name + ": the document has the digest " + descriptor.digest.text());
  const Place place = TRY(wire_->push_place(reference));
  const Response response = TRY(wire_->send(place, push_scope(place),
                                            {.method = "PUT",
                                             .url = repository_url(place, "manifests/" + name),
                                             .headers = {"Content-Type: " + media_type},
                                             .body = std::string(bytes)},
                                            /*retry_broken=*/true));
  if (response.status != 201 && response.status != 200)
    return fail(
        answer_error(response, "push manifest " + name + " to " + repository_text(reference)));
  const auto said = Digest::parse(response.header("docker-content-digest"));
  if (said && *said != descriptor.digest)
    return fail(Errc::kCorrupt, "push manifest " + name + " to " + repository_text(reference) +
                                    ": wrong digest: sent " + descriptor.digest.text() +
                                    ", the registry stored " + said->text());
  TRY(list_referrer(*wire_, place, descriptor, bytes, response));
  return descriptor;
}

}  // namespace lichen::registry
