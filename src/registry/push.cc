// Client: what goes to a registry.
#include "base/text.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

class ProgressSource final : public Source {
 public:
  ProgressSource(Source& from, const Digest& blob, const ClientOptions& options)
      : from_(from), blob_(blob), options_(options) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    auto count = from_.read(buffer, size);
    failed_ = !count;
    if (count && *count > 0 && options_.progress) options_.progress(blob_, bytes_ += *count);
    return count;
  }
  bool failed() const { return failed_; }

 private:
  Source& from_;
  const Digest& blob_;
  const ClientOptions& options_;
  std::uint64_t bytes_ = 0;
  bool failed_ = false;
};

// Where the upload goes: the Location of the answer that opened it.
Result<Url> upload_url(const Endpoint& endpoint, const Response& opened, const Digest& digest) {
  Url url = TRY(resolve_location(opened.url, opened.header("location")));
  if (endpoint.base.scheme == "https" && url.scheme == "http") {
    // Registries behind a TLS proxy believe that they are plain http.
    if (url.host != endpoint.base.host)
      return fail(Errc::kCorrupt, "refusing to upload over plain http to " + without_query(url));
    url.scheme = "https";
    url.port = endpoint.base.port;
  }
  add_query(url, "digest=" + percent_encoded(digest.text()));
  return url;
}

}  // namespace

Result<bool> Client::has_blob(const oci::Reference& reference, const Digest& digest) {
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  const Response response = TRY(wire_->send(
      endpoint, pull_scope(reference),
      {.method = "HEAD", .url = repository_url(endpoint, reference, "blobs/" + digest.text())},
      /*retry_broken=*/true));
  if (response.status == 200) return true;
  if (response.status == 404) return false;
  return fail(
      answer_error(response, "blob " + digest.text() + " of " + repository_text(reference)));
}

Result<Pushed> Client::push_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                                 const std::function<Result<std::unique_ptr<Source>>()>& open,
                                 const std::string& mount_from) {
  if (blob.digest.empty()) return fail(Errc::kInvalid, "a blob without a digest");
  const std::string what = "push blob " + blob.digest.text() + " to " + repository_text(reference);
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  std::vector<std::string> scopes = push_scope(reference);
  if (!mount_from.empty()) scopes.push_back("repository:" + mount_from + ":pull");

  for (int next_try = 1;; ++next_try) {
    // Also before another try: a connection may break after the registry has everything.
    const Response head =
        TRY(wire_->send(endpoint, scopes,
                        {.method = "HEAD",
                         .url = repository_url(endpoint, reference, "blobs/" + blob.digest.text())},
                        /*retry_broken=*/true));
    if (head.status == 200) return Pushed::kExisted;
    if (head.status == 401 || head.status == 403) return fail(answer_error(head, what));

    Request start{.method = "POST", .url = repository_url(endpoint, reference, "blobs/uploads/")};
    if (!mount_from.empty() && next_try == 1) {
      add_query(start.url, "mount=" + percent_encoded(blob.digest.text()));
      add_query(start.url, "from=" + percent_encoded(mount_from));
    }
    const Response opened = TRY(wire_->send(endpoint, scopes, start, /*retry_broken=*/true));
    if (opened.status == 201) return Pushed::kMounted;
    if (opened.status != 202) return fail(answer_error(opened, what));

    const std::unique_ptr<Source> bytes = TRY(open());
    ProgressSource source(*bytes, blob.digest, wire_->options);
    Request put{.method = "PUT",
                .url = TRY(upload_url(endpoint, opened, blob.digest)),
                .headers = {"Content-Type: application/octet-stream"},
                .upload = &source,
                .upload_bytes = blob.size,
                .verify_tls = endpoint.verify_tls};
    // An upload may go to a storage service, which must not see our token.
    if (same_origin(put.url, endpoint.base))
      put.authorization = wire_->authorizer.current(endpoint.domain, scopes);
    const auto done = wire_->transport.perform(put);

    if (done && (done->status == 201 || done->status == 200 || done->status == 204))
      return Pushed::kUploaded;
    Error problem = done ? answer_error(*done, what) : done.error();
    // 404 and 416: the registry forgot the upload or lost its place; a new one may do.
    const bool again = done ? worth_retrying(*done) || done->status == 404 || done->status == 416 ||
                                  (done->status == 401 && same_origin(put.url, endpoint.base))
                            : worth_retrying(problem) && !source.failed();
    if (!done) problem = std::move(problem).in(what);
    if (!again || next_try == kTries) return fail(std::move(problem));
    if (done && done->status == 401) TRY(wire_->authorizer.answer(endpoint, scopes, *done));
    TRY(wire_->wait_before(next_try));
  }
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
  const Endpoint endpoint = TRY(wire_->endpoint(reference.domain));
  const Response response =
      TRY(wire_->send(endpoint, push_scope(reference),
                      {.method = "PUT",
                       .url = repository_url(endpoint, reference, "manifests/" + name),
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
  return descriptor;
}

}  // namespace lichen::registry
