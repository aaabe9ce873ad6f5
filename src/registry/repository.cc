// Client: a repository as a whole (distribution-spec 1.1, "Content Discovery", "Content
// Management").
#include <set>

#include "base/text.h"
#include "oci/json.h"
#include "registry/link_header.h"
#include "registry/wire.h"

namespace lichen::registry {

namespace {

using oci::json::Node;

constexpr int kTagsAPage = 1000;
constexpr std::size_t kMaxTags = 1'000'000;

std::vector<std::string> delete_scope(const Place& place) {
  return {"repository:" + place.reference.repository + ":pull,delete"};
}

}  // namespace

Result<std::vector<std::string>> Client::tags(const oci::Reference& reference) {
  const Place place = TRY(wire_->push_place(reference));
  std::vector<std::string> tags;
  std::set<std::string> pages;
  Url url = repository_url(place, "tags/list");
  add_query(url, "n=" + std::to_string(kTagsAPage));
  while (pages.insert(to_text(url)).second) {  // a server may send us in a circle
    const Response response = TRY(wire_->send(
        place, pull_scope(place),
        {.url = url, .headers = {"Accept: application/json"}, .max_body = oci::kMaxDocumentBytes},
        /*retry_broken=*/true));
    if (response.status != 200) return fail(answer_error(response, repository_text(reference)));
    const auto list = TRY(oci::json::parse(response.body, "tags"));
    for (std::string& tag : TRY(TRY(Node("tags", list).member("tags")).texts()))
      tags.push_back(std::move(tag));
    if (tags.size() > kMaxTags)
      return fail(Errc::kInvalid, repository_text(reference) + " has too many tags");
    const std::string next = next_page(response.header("link"));
    if (next.empty()) break;
    Url there = TRY(resolve_location(url, next));
    if (!same_origin(there, url))
      return fail(Errc::kInvalid, url.host + " wants its tags to be had from " + there.host);
    url = std::move(there);
  }
  return tags;
}

Result<void> Client::remove_manifest(const oci::Reference& reference, const Digest& digest) {
  const Place place = TRY(wire_->push_place(reference));
  const Response response = TRY(
      wire_->send(place, delete_scope(place),
                  {.method = "DELETE", .url = repository_url(place, "manifests/" + digest.text())},
                  /*retry_broken=*/true));
  if (response.status == 202 || response.status == 200 || response.status == 204) return {};
  Error error = answer_error(response, repository_text(reference) + "@" + digest.text());
  if (response.status == 405 || response.status == 400) {
    error.code = Errc::kUnsupported;
    error.hint = "the registry does not let images be deleted";
  }
  return fail(std::move(error));
}

}  // namespace lichen::registry
