// Client: what comes from a registry.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

constexpr std::uint64_t kProgressBytes = 1u << 20;

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
  VerifyingSink(Sink& next, const oci::Descriptor& blob) : next_(next), blob_(blob) {}

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
    return written;
  }

  void skip(std::uint64_t bytes) { skip_ = bytes; }
  std::uint64_t count() const { return count_; }
  bool failed() const { return failed_; }  // here or in the next sink, not on the network
  Digest finish() { return hasher_.finish(); }

 private:
  Sink& next_;
  const oci::Descriptor& blob_;
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

struct Whole {};  // all bytes of a blob came

Result<FetchedDocument> fetch_manifest_at(Client::Wire& wire, const Place& place,
                                          const std::string& name) {
  Response response = TRY(wire.send(place, pull_scope(place),
                                    {.url = repository_url(place, "manifests/" + name),
                                     .headers = {kAccept},
                                     .max_body = oci::kMaxDocumentBytes},
                                    /*retry_broken=*/true));
  if (response.status != 200) return fail(document_error(response, place.reference, name));

  const std::string what = "manifest of " + repository_text(place.reference);
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

Result<oci::Descriptor> resolve_at(Client::Wire& wire, const Place& place) {
  const oci::Reference& reference = place.reference;
  const std::string name = TRY(document_name(reference, {}));
  const Response head = TRY(wire.send(
      place, pull_scope(place),
      {.method = "HEAD", .url = repository_url(place, "manifests/" + name), .headers = {kAccept}},
      /*retry_broken=*/true));
  if (head.status == 401 || head.status == 403 || head.status == 404 || head.status == 429)
    return fail(document_error(head, reference, name));

  const auto digest = Digest::parse(head.header("docker-content-digest"));
  const auto size = content_length(head);
  const std::string type = media_type_of(head);
  // Old registries and proxies leave one of these out, or know no HEAD: the document itself tells.
  if (head.status != 200 || !digest || !size || !is_document_type(type))
    return TRY(fetch_manifest_at(wire, place, name)).descriptor;
  if (!reference.digest.empty() && *digest != reference.digest)
    return fail(wrong_digest(repository_text(reference), reference.digest, *digest));
  return oci::Descriptor{.media_type = type, .digest = *digest, .size = *size};
}

// All bytes of the blob into `sink`, of which another place may have filled a part already.
Result<void> fetch_blob_at(Client::Wire& wire, const Place& place, const oci::Descriptor& blob,
                           VerifyingSink& sink) {
  const std::string what = "blob " + blob.digest.text() + " of " + repository_text(place.reference);
  Request request{
      .url = repository_url(place, "blobs/" + blob.digest.text()),
      .on_headers = [&](const Response& response) { return place_body(response, blob, sink); }};
  std::uint64_t before = sink.count();
  for (int next_try = 1;; ++next_try) {
    request.headers.clear();
    if (sink.count() > 0) request.headers = {"Range: bytes=" + std::to_string(sink.count()) + "-"};
    auto response = wire.send(place, pull_scope(place), request, /*retry_broken=*/false);
    if (response && response->status != 200 && response->status != 206)
      return fail(answer_error(*response, what));
    if (response && sink.count() == blob.size) return {};

    Error problem;
    if (response) {
      problem = {.code = Errc::kCorrupt,
                 .message = "the answer ended after " + std::to_string(sink.count()) + " of " +
                            std::to_string(blob.size) + " bytes"};
    } else {
      problem = std::move(response).error();
      if (sink.failed() || !worth_retrying(problem)) return fail(std::move(problem).in(what));
    }
    // Who gets on may fail for as long as it takes.
    if (sink.count() >= before + kProgressBytes) {
      before = sink.count();
      next_try = 0;
    }
    if (next_try == tries_at(place)) return fail(std::move(problem).in(what));
    TRY(wire.wait_before(std::max(next_try, 1)));
  }
}

}  // namespace

Client::Client(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(Options options) {
  return std::unique_ptr<Client>(new Client(std::make_unique<Wire>(std::move(options))));
}

Result<oci::Descriptor> Client::resolve(const oci::Reference& reference) {
  return wire_->pull<oci::Descriptor>(
      reference, [&](const Place& place) { return resolve_at(*wire_, place); });
}

Result<FetchedDocument> Client::fetch_manifest(const oci::Reference& reference,
                                               const std::string& tag_or_digest) {
  const std::string name = TRY(document_name(reference, tag_or_digest));
  return wire_->pull<FetchedDocument>(
      reference, [&](const Place& place) { return fetch_manifest_at(*wire_, place, name); });
}

Result<void> Client::fetch_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                                Sink& sink) {
  if (blob.digest.empty()) return fail(Errc::kInvalid, "a blob without a digest");
  VerifyingSink verifying(sink, blob);
  std::vector<oci::Reference> mirrors;
  TRY(wire_->pull<Whole>(reference, [&](const Place& place) -> Result<Whole> {
    if (place.is_mirror) mirrors.push_back(place.reference);
    TRY(fetch_blob_at(*wire_, place, blob, verifying));
    wire_->remember_blob(place.reference, blob.digest);
    return Whole{};
  }));
  const Digest found = verifying.finish();
  if (found == blob.digest) return {};
  for (const oci::Reference& mirror : mirrors) wire_->mark_down(mirror);
  return fail(wrong_digest("blob " + blob.digest.text() + " of " + repository_text(reference),
                           blob.digest, found));
}

}  // namespace lichen::registry
