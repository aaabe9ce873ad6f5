// Client: documents that are about another one (distribution-spec 1.1, "Listing Referrers").
#include "registry/referrers.h"

#include <algorithm>

#include "oci/json.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

using oci::json::Node;
using oci::json::Value;

constexpr char kAcceptIndex[] = "Accept: application/vnd.oci.image.index.v1+json";

// Where referrers are listed at a registry that has no API for it.
std::string fallback_tag(const Digest& subject) {
  return "sha256-" + subject.hex();
}

Value empty_index() {
  return {{"schemaVersion", 2}, {"mediaType", oci::kIndexType}, {"manifests", Value::array()}};
}

// The index at `path` beneath the repository; nullopt: there is none.
Result<std::optional<std::string>> fetch_index(Client::Wire& wire, const Place& place,
                                               const std::string& path) {
  Response response = TRY(wire.send(place, pull_scope(place),
                                    {.url = repository_url(place, path),
                                     .headers = {kAcceptIndex},
                                     .max_body = oci::kMaxDocumentBytes},
                                    /*retry_broken=*/true));
  if (response.status == 404) return std::nullopt;
  if (response.status != 200) return fail(answer_error(response, repository_text(place.reference)));
  return std::move(response.body);
}

// What an index says of a document with a subject.
Value descriptor_of(const oci::Descriptor& document, const Value& content) {
  Value descriptor = {{"mediaType", document.media_type},
                      {"digest", document.digest.text()},
                      {"size", document.size}};
  // Of what names no type of its own, it is that of the config.
  if (const auto type = content.find("artifactType"); type != content.end() && type->is_string())
    descriptor["artifactType"] = *type;
  else if (const auto config = content.find("config");
           config != content.end() && config->is_object() && config->contains("mediaType"))
    descriptor["artifactType"] = (*config)["mediaType"];
  if (const auto notes = content.find("annotations"); notes != content.end() && notes->is_object())
    descriptor["annotations"] = *notes;
  return descriptor;
}

}  // namespace

Result<std::vector<Referrer>> parse_referrers(std::string_view json) {
  const Value document = TRY(oci::json::parse(json, "referrers"));
  const Node root("referrers", document);
  std::vector<Referrer> referrers;
  for (const Node& item : TRY(TRY(root.member("manifests")).items())) {
    Referrer one;
    one.descriptor.media_type = TRY(TRY(item.member("mediaType")).text());
    one.descriptor.digest = TRY(TRY(item.member("digest")).digest());
    one.descriptor.size =
        static_cast<std::uint64_t>(TRY(TRY(item.member("size")).integer(0, INT64_MAX)));
    one.descriptor.annotations = TRY(TRY(item.member("annotations")).text_map());
    one.artifact_type = TRY(TRY(item.member("artifactType")).text());
    referrers.push_back(std::move(one));
  }
  return referrers;
}

Result<std::vector<Referrer>> Client::referrers(const oci::Reference& reference,
                                                const Digest& subject,
                                                const std::string& artifact_type) {
  const Place place = TRY(wire_->push_place(reference));
  auto index = TRY(fetch_index(*wire_, place, "referrers/" + subject.text()));
  if (!index) index = TRY(fetch_index(*wire_, place, "manifests/" + fallback_tag(subject)));
  if (!index) return std::vector<Referrer>{};
  std::vector<Referrer> all = TRY(parse_referrers(*index));
  if (!artifact_type.empty())
    std::erase_if(all, [&](const Referrer& one) { return one.artifact_type != artifact_type; });
  return all;
}

Result<void> list_referrer(Client::Wire& wire, const Place& place, const oci::Descriptor& document,
                           std::string_view bytes, const Response& pushed) {
  if (!pushed.header("oci-subject").empty()) return {};  // the registry keeps the list
  const Value content = TRY(oci::json::parse(bytes, "manifest"));
  const Node subject = TRY(Node("manifest", content).member("subject"));
  if (subject.absent()) return {};
  const std::string path = "manifests/" + fallback_tag(TRY(TRY(subject.member("digest")).digest()));
  Value index = empty_index();
  if (const auto text = TRY(fetch_index(wire, place, path)))
    index = TRY(oci::json::parse(*text, "referrers"));
  Value& manifests = index["manifests"];
  if (!manifests.is_array()) return fail(Errc::kCorrupt, "referrers: want an array of manifests");
  for (const Value& known : manifests)
    if (known.is_object() && known.value("digest", Value()) == document.digest.text()) return {};
  manifests.push_back(descriptor_of(document, content));
  const Response listed =
      TRY(wire.send(place, push_scope(place),
                    {.method = "PUT",
                     .url = repository_url(place, path),
                     .headers = {std::string("Content-Type: ") + oci::kIndexType},
                     .body = oci::json::dump(index)},
                    /*retry_broken=*/true));
  if (listed.status != 201 && listed.status != 200)
    return fail(answer_error(listed, "list a referrer in " + repository_text(place.reference)));
  return {};
}

}  // namespace lichen::registry
