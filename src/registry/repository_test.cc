#include <gtest/gtest.h>

#include "registry/client.h"
#include "registry/testing.h"

namespace lichen::registry {
namespace {

std::unique_ptr<Client> make_client() {
  ClientOptions options;
  options.retry_delay_ms = 5;
  return std::move(*Client::create(options));
}

oci::Reference image(const FakeServer& server) {
  return *oci::parse_reference(server.domain() + "/ns/app:1");
}

TEST(Tags, AreReadPageByPage) {
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.target == "/v2/ns/app/tags/list?n=1000")
      return FakeAnswer{.headers = {"Link: </v2/ns/app/tags/list?n=1000&last=b>; rel=\"next\""},
                        .body = R"({"name":"ns/app","tags":["a","b"]})"};
    return FakeAnswer{.body = R"({"tags":["c"]})"};
  });
  const auto tags = make_client()->tags(image(server));
  ASSERT_TRUE(tags) << to_text(tags.error());
  EXPECT_EQ(*tags, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Tags, OfLyingServers) {
  const struct {
    FakeAnswer answer;
    Errc want;
  } rows[] = {
      {{.status = 404}, Errc::kNotFound},
      {{.body = "not JSON"}, Errc::kInvalid},
      {{.body = R"({"tags":7})"}, Errc::kInvalid},
      {{.headers = {"Link: <http://127.0.0.1:1/x>; rel=next"}, .body = R"({"tags":[]})"},
       Errc::kInvalid},
  };
  for (const auto& row : rows) {
    FakeServer server([&](const FakeRequest& request) {
      return request.target == "/v2/" ? FakeAnswer{} : row.answer;
    });
    const auto tags = make_client()->tags(image(server));
    ASSERT_FALSE(tags);
    EXPECT_EQ(tags.error().code, row.want) << to_text(tags.error());
  }
}

TEST(Tags, OfNoneAndOfACircle) {
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    return FakeAnswer{.headers = {"Link: <?n=1000>; rel=\"next\""}, .body = R"({"tags":null})"};
  });
  const auto tags = make_client()->tags(image(server));
  ASSERT_TRUE(tags) << to_text(tags.error());
  EXPECT_TRUE(tags->empty());
  EXPECT_EQ(server.log().size(), 1u);
}

TEST(RemoveManifest, AsksForItsDigest) {
  const Digest digest = sha256("x");
  int status = 202;
  FakeServer server([&](const FakeRequest& request) {
    return request.target == "/v2/" ? FakeAnswer{} : FakeAnswer{.status = status};
  });
  ASSERT_TRUE(make_client()->remove_manifest(image(server), digest));
  EXPECT_EQ(server.log(),
            (std::vector<std::string>{"DELETE /v2/ns/app/manifests/" + digest.text()}));
  status = 405;
  const auto refused = make_client()->remove_manifest(image(server), digest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace lichen::registry
