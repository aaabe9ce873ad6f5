// Client: what comes from a registry.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

constexpr char kAccept[] =
    "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json";

// "application/json; charset=utf-8" -> "application/json"
std::string media_type_of(const Response& response) {
  const std::string type = response.header("content-type");
  return to_lower(trim(std::string_view(type).substr(0, type.find(';'))));
}

bool is_document_type(const std::string& type) {
  return type == oci::kManifestType || type == oci::kIndexType ||
         type == oci::kDockerManifestType || type == oci::kDockerIndexType;
}

std::optional<std::uint64_t> content_length(const Response& response) {
  const std::string text = response.header("content-length");
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::strtoull(text.c_str(), nullptr, 10);
}

Error wrong_digest(const std::string& what, const Digest& wanted, const Digest& found) {
  return Error{.code = Errc::kCorrupt,
               .message = what + ": wrong digest: want " + wanted.text() + ", got " + found.text(),
               .hint = "the registry or something on the way changed the data"};
}

std::string image_not_found(const oci::Reference& reference, const std::string& name) {
  const char* separator = name.find(':') == std::string::npos ? ":" : "@";
  return "image not found: " + repository_text(reference) + separator + name;
}

// 404, as people know it; everything else as it is.
Error document_error(const Response& response, const oci::Reference& reference,
                     const std::string& name) {
  Error error = answer_error(response, repository_text(reference));
  if (response.status == 404) error.message = image_not_found(reference, name);
  // Registries hide private repositories behind 401 and 403 alike.
  return error;
}

// Passes on at most `size` bytes, counts and hashes them. After a reconnect, `skip` bytes that
// have been seen already are dropped.
class VerifyingSink final : public Sink {
 public:
  VerifyingSink(Sink& next, const oci::Descriptor& blob, const ClientOptions& options)
      : next_(next), blob_(blob), options_(options) {}

  Result<void> write(std::string_view bytes) override {
    const auto skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty()) return {};
    if (bytes.size() > blob_.size - count_) {
      failed_ = true;
      return fail(Errc::kCorrupt, "blob " + blob_.digest.text() + " is larger than its size of " +
                                      std::to_string(blob_.size) + " bytes");
    }
    hasher_.update(bytes);
    count_ += bytes.size();
    auto written = next_.write(bytes);
    failed_ = !written;
    if (written && options_.progress) options_.progress(blob_.digest, count_);
    return written;
  }

  void skip(std::uint64_t bytes) { skip_ = bytes; }
  std::uint64_t count() const { return count_; }
  bool failed() const { return failed_; }  // here or in the next sink, not on the network
  Digest finish() { return hasher_.finish(); }

 private:
  Sink& next_;
  const oci::Descriptor& blob_;
  const ClientOptions& options_;
  Hasher hasher_;
  std::uint64_t count_ = 0;
  std::uint64_t skip_ = 0;
  bool failed_ = false;
};

// Decides from the headers of a blob's answer where its body goes.
Result<Sink*> place_body(const Response& response, const oci::Descriptor& blob,
                         VerifyingSink& sink) {
  if (response.status == 206) {
    if (sink.count() == 0 || !starts_with(response.header("content-range"),
                                          "bytes " + std::to_string(sink.count()) + "-"))
      return fail(Errc::kCorrupt, response.url.host + " sent another range than was asked for");
    sink.skip(0);
    return &sink;
  }
  if (response.status != 200) return nullptr;
  if (const auto length = content_length(response); length && *length > blob.size)
    return fail(Errc::kCorrupt, response.url.host + " announces " + std::to_string(*length) +
                                    " bytes for a blob of " + std::to_string(blob.size));
  sink.skip(sink.count());  // it ignores Range and starts again
  return &sink;
}

}  // namespace

Client::Client(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(Options options) {
  return std::unique_ptr<Client>(new Client(std::make_unique<Wire>(std::move(options))));
}

Result<oci::Descriptor> Client::resolve(const oci::Reference& reference) {
  const std::string name = TRY(document_name(reference, {}));
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  const Response head =
      TRY(wire_->send(endpoint, pull_scope(reference),
                      {.method = "HEAD",
                       .url = repository_url(endpoint, reference, "manifests/" + name),
                       .headers = {kAccept}},
                      /*retry_broken=*/true));
  if (head.status == 401 || head.status == 403 || head.status == 404 || head.status == 429)
    return fail(document_error(head, reference, name));

  const auto digest = Digest::parse(head.header("docker-content-digest"));
  const auto size = content_length(head);
  const std::string type = media_type_of(head);
  // Old registries and proxies leave one of these out, or know no HEAD: the document itself tells.
  if (head.status != 200 || !digest || !size || !is_document_type(type))
    return TRY(fetch_manifest(reference)).descriptor;
  if (!reference.digest.empty() && *digest != reference.digest)
    return fail(wrong_digest(repository_text(reference), reference.digest, *digest));
  return oci::Descriptor{.media_type = type, .digest = *digest, .size = *size};
}

Result<FetchedDocument> Client::fetch_manifest(const oci::Reference& reference,
                                               const std::string& tag_or_digest) {
  const std::string name = TRY(document_name(reference, tag_or_digest));
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  Response response =
      TRY(wire_->send(endpoint, pull_scope(reference),
                      {.url = repository_url(endpoint, reference, "manifests/" + name),
                       .headers = {kAccept},
                       .max_body = oci::kMaxDocumentBytes},
                      /*retry_broken=*/true));
  if (response.status != 200) return fail(document_error(response, reference, name));

  const std::string what = "manifest of " + repository_text(reference);
  const Digest digest = sha256(response.body);
  if (name.find(':') != std::string::npos) {
    const Digest wanted = TRY(Digest::parse(name));
    if (digest != wanted) return fail(wrong_digest(what, wanted, digest));
  } else if (const auto said = Digest::parse(response.header("docker-content-digest"));
             said && *said != digest) {
    return fail(wrong_digest(what, *said, digest));
  }
  // The digest covers the document's own mediaType, but not the header.
  std::string type = media_type_of(response);
  if (const auto document = oci::parse_document(response.body))
    type = std::visit([](const auto& value) { return value.media_type; }, *document);
  return FetchedDocument{
      .descriptor = {.media_type = type, .digest = digest, .size = response.body.size()},
      .bytes = std::move(response.body)};
}

Result<void> Client::fetch_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                                Sink& sink) {
  if (blob.digest.empty()) return fail(Errc::kInvalid, "a blob without a digest");
  const std::string what = "blob " + blob.digest.text() + " of " + repository_text(reference);
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  VerifyingSink verifying(sink, blob, wire_->options);
  Request request{.url = repository_url(endpoint, reference, "blobs/" + blob.digest.text()),
                  .on_headers = [&](const Response& response) {
                    return place_body(response, blob, verifying);
                  }};
  for (int next_try = 1;; ++next_try) {
    request.headers.clear();
    if (verifying.count() > 0)
      request.headers = {"Range: bytes=" + std::to_string(verifying.count()) + "-"};
    auto response = wire_->send(endpoint, pull_scope(reference), request, /*retry_broken=*/false);

    Error problem;
    if (response && response->status != 200 && response->status != 206)
      return fail(answer_error(*response, what));
    if (response && verifying.count() == blob.size) {
      const Digest found = verifying.finish();
      if (found != blob.digest) return fail(wrong_digest(what, blob.digest, found));
      return {};
    }
    if (response) {
      problem = {.code = Errc::kCorrupt,
                 .message = "the answer ended after " + std::to_string(verifying.count()) + " of " +
                            std::to_string(blob.size) + " bytes"};
    } else {
      problem = std::move(response).error();
      if (verifying.failed() || !worth_retrying(problem)) return fail(std::move(problem).in(what));
    }
    if (next_try == kTries) return fail(std::move(problem).in(what));
    TRY(wire_->wait_before(next_try));
  }
}

}  // namespace lichen::registry
