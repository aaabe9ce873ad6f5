#include "registry/referrers.h"

#include <gtest/gtest.h>

#include "registry/client_fixture.h"

namespace lichen::registry {
namespace {

const Digest kSubject = sha256("subject");
const std::string kTag = "/v2/app/manifests/sha256-" + kSubject.hex();
const std::string kSignature =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"x/sig","digest":"sha256:)" +
    sha256("{}").hex() +
    R"(","size":2},"layers":[],"annotations":{"a":"b"},)"
    R"("subject":{"mediaType":"m","digest":"sha256:)" +
    kSubject.hex() + R"(","size":7}})";

// A registry that keeps manifests, and knows no list of referrers unless told.
struct Manifests {
  std::map<std::string, std::string> stored;  // by path
  bool lists = false;

  FakeAnswer answer(const FakeRequest& request) {
    if (request.method == "PUT") {
      stored[request.target] = request.body;
      FakeAnswer answer{.status = 201};
      if (lists) answer.headers = {"OCI-Subject: " + kSubject.text()};
      return answer;
    }
    const auto at = stored.find(request.target);
    if (at == stored.end()) return {.status = request.target == "/v2/" ? 200 : 404};
    return {.headers = {kIndexHeader}, .body = at->second};
  }
};

TEST(Referrers, AreListedUnderATagWhereTheRegistryListsNone) {
  Manifests registry;
  FakeServer server([&](const FakeRequest& request) { return registry.answer(request); });
  const auto client = make_client();
  EXPECT_TRUE(client->referrers(image(server), kSubject)->empty());
  for (int i = 0; i < 2; ++i) {  // the second changes nothing
    const auto pushed = client->push_manifest(image(server), sha256(kSignature).text(),
                                              oci::kManifestType, kSignature);
    ASSERT_TRUE(pushed) << to_text(pushed.error());
  }
  const auto found = client->referrers(image(server), kSubject);
  ASSERT_TRUE(found) << to_text(found.error());
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].descriptor.digest, sha256(kSignature));
  EXPECT_EQ((*found)[0].descriptor.size, kSignature.size());
  EXPECT_EQ((*found)[0].descriptor.annotations.at("a"), "b");
  EXPECT_EQ((*found)[0].artifact_type, "x/sig");
  EXPECT_EQ(client->referrers(image(server), kSubject, "x/sig")->size(), 1u);
  EXPECT_TRUE(client->referrers(image(server), kSubject, "x/other")->empty());
  EXPECT_TRUE(registry.stored.contains(kTag));
}

TEST(Referrers, ARegistryThatListsThemIsLeftToIt) {
  Manifests registry{.stored = {}, .lists = true};
  registry.stored["/v2/app/referrers/" + kSubject.text()] =
      R"({"schemaVersion":2,"manifests":[{"mediaType":"m","digest":")" + sha256("x").text() +
      R"(","size":1,"artifactType":"t"}]})";
  FakeServer server([&](const FakeRequest& request) { return registry.answer(request); });
  const auto client = make_client();
  ASSERT_TRUE(client->push_manifest(image(server), "", oci::kManifestType, kSignature));
  EXPECT_FALSE(registry.stored.contains(kTag));
  EXPECT_EQ((*client->referrers(image(server), kSubject))[0].artifact_type, "t");
}

TEST(Referrers, AForeignListMayBeAnything) {
  for (const char* text :
       {"", "[]", R"({"manifests":{}})", R"({"manifests":[{}]})",
        R"({"manifests":[{"digest":"sha256:1"}]})", R"({"manifests":[{"mediaType":7}]})"})
    EXPECT_FALSE(parse_referrers(text)) << text;
  EXPECT_TRUE(parse_referrers("{}")->empty());
}

}  // namespace
}  // namespace lichen::registry
