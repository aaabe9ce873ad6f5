#include <gtest/gtest.h>

#include <atomic>

#include "registry/client.h"
#include "registry/testing.h"

namespace lichen::registry {
namespace {

const std::string kBytes(1'500'000, 'p');  // more than libcurl would send without asking
const oci::Descriptor kBlob{.media_type = "m", .digest = sha256(kBytes), .size = kBytes.size()};
const std::string kDigestQuery = "digest=sha256%3A" + kBlob.digest.hex();

std::unique_ptr<Client> make_client() {
  ClientOptions options;
  options.retry_delay_ms = 5;
  return std::move(*Client::create(options));
}

oci::Reference image(const FakeServer& server) {
  return *oci::parse_reference(server.domain() + "/ns/app:1");
}

Result<std::unique_ptr<Source>> open_blob() {
  return std::make_unique<StringSource>(kBytes);
}

FakeAnswer started(const std::string& location) {
  return {.status = 202, .headers = {"Location: " + location}};
}

TEST(PushBlob, PutsToRelativeAndAbsoluteLocations) {
  const struct {
    std::string location, put_target;
  } rows[] = {
      {"/v2/ns/app/blobs/uploads/1?state=a%2Fb", "/v2/ns/app/blobs/uploads/1?state=a%2Fb&"},
      {"/v2/ns/app/blobs/uploads/1", "/v2/ns/app/blobs/uploads/1?"},
      {"http://DOMAIN/up?x=y", "/up?x=y&"},
      {"2", "/v2/ns/app/blobs/uploads/2?"},
  };
  for (const auto& row : rows) {
    std::string location = row.location, stored;
    FakeServer server([&](const FakeRequest& request) {
      if (request.target == "/v2/") return FakeAnswer{};
      if (request.method == "HEAD") return FakeAnswer{.status = 404};
      if (request.method == "POST") return started(location);
      stored = request.body;
      return FakeAnswer{.status = 201};
    });
    if (const std::size_t at = location.find("DOMAIN"); at != std::string::npos)
      location.replace(at, 6, server.domain());
    const auto pushed = make_client()->push_blob(image(server), kBlob, open_blob);
    ASSERT_TRUE(pushed) << to_text(pushed.error());
    EXPECT_EQ(*pushed, Pushed::kUploaded);
    EXPECT_EQ(stored, kBytes);
    const std::string blob = "/v2/ns/app/blobs/" + kBlob.digest.text();
    EXPECT_EQ(server.log(),
              (std::vector<std::string>{"HEAD " + blob, "POST /v2/ns/app/blobs/uploads/",
                                        "PUT " + row.put_target + kDigestQuery}));
  }
}

TEST(PushBlob, WhatIsThereIsNotSent) {
  FakeServer server([](const FakeRequest&) { return FakeAnswer{}; });
  const auto pushed = make_client()->push_blob(image(server), kBlob, open_blob);
  EXPECT_EQ(*pushed, Pushed::kExisted);
  EXPECT_EQ(server.log().size(), 1u);
}

TEST(PushBlob, MountsFromARepositoryWhereItWasSeen) {
  FakeServer server([](const FakeRequest& request) {
    if (request.method == "HEAD") return FakeAnswer{.status = 404};
    return FakeAnswer{.status = 201};
  });
  const auto client = make_client();
  client->remember_blob(*oci::parse_reference(server.domain() + "/ns/base"), kBlob.digest);
  client->remember_blob(*oci::parse_reference("other.example/ns/x"), kBlob.digest);
  EXPECT_EQ(*client->push_blob(image(server), kBlob, open_blob), Pushed::kMounted);
  EXPECT_EQ(server.requests().back().target,
            "/v2/ns/app/blobs/uploads/?mount=sha256%3A" + kBlob.digest.hex() + "&from=ns%2Fbase");
  // From now on it is known to be in ns/app, where it needs no mount.
  (void)client->push_blob(image(server), kBlob, open_blob);
  EXPECT_EQ(server.requests().back().target, "/v2/ns/app/blobs/uploads/");
}

TEST(PushBlob, WhoMayNotMountSendsTheBytes) {
  std::string stored;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.method == "HEAD") return FakeAnswer{.status = 404};
    if (request.target.find("mount=") != std::string::npos) return FakeAnswer{.status = 403};
    if (request.method == "POST") return started("/up");
    stored = request.body;
    return FakeAnswer{.status = 201};
  });
  const auto client = make_client();
  client->remember_blob(*oci::parse_reference(server.domain() + "/secret/base"), kBlob.digest);
  EXPECT_EQ(*client->push_blob(image(server), kBlob, open_blob), Pushed::kUploaded);
  EXPECT_EQ(stored, kBytes);
}

// A registry that takes uploads in parts: PATCH adds, GET tells how much there is.
struct PartsRegistry {
  std::size_t largest = SIZE_MAX;      // more in one request: 413
  std::size_t break_after = SIZE_MAX;  // once: the connection breaks when it has so much
  std::string stored;
  std::vector<std::size_t> sizes;  // of the requests that were taken
  bool done = false;

  std::vector<std::string> where() const {
    return {"Location: /up?n=" + std::to_string(sizes.size()),
            "Range: 0-" + std::to_string(stored.empty() ? 0 : stored.size() - 1)};
  }
  FakeAnswer answer(const FakeRequest& request) {
    if (request.target == "/v2/") return {};
    if (request.method == "HEAD") return {.status = 404};
    if (request.method == "POST") return started("/up?n=0");
    if (request.method == "GET") return {.status = 204, .headers = where()};
    if (request.body.size() > largest) return {.status = 413};
    if (stored.size() + request.body.size() > break_after) {
      stored += request.body.substr(0, break_after - stored.size());
      break_after = SIZE_MAX;
      return {.hang_up = true};
    }
    if (request.method == "PATCH") {
      EXPECT_EQ(request.header("content-range"),
                std::to_string(stored.size()) + "-" +
                    std::to_string(stored.size() + request.body.size() - 1));
    }
    stored += request.body;
    sizes.push_back(request.body.size());
    if (request.method == "PATCH") return {.status = 202, .headers = where()};
    done = request.target == "/up?n=" + std::to_string(sizes.size() - 1) + "&" + kDigestQuery;
    return {.status = 201};
  }
};

TEST(PushBlob, GoesInPartsWhenTheWholeIsTooLarge) {
  PartsRegistry registry{.largest = 1'048'576};
  FakeServer server([&](const FakeRequest& request) { return registry.answer(request); });
  const auto pushed = make_client()->push_blob(image(server), kBlob, open_blob);
  ASSERT_TRUE(pushed) << to_text(pushed.error());
  EXPECT_TRUE(registry.done);
  EXPECT_EQ(registry.stored, kBytes);
  EXPECT_EQ(registry.sizes, (std::vector<std::size_t>{375'000, 375'000, 375'000, 375'000, 0}));

  registry = {.largest = 1000};
  const auto refused = make_client()->push_blob(image(server), kBlob, open_blob);
  EXPECT_EQ(refused.error().code, Errc::kInvalid);
  EXPECT_NE(refused.error().message.find("413"), std::string::npos);
}

TEST(PushBlob, GoesOnWhereTheConnectionBroke) {
  PartsRegistry registry{.break_after = 1'200'000};
  FakeServer server([&](const FakeRequest& request) { return registry.answer(request); });
  const auto pushed = make_client()->push_blob(image(server), kBlob, open_blob);
  ASSERT_TRUE(pushed) << to_text(pushed.error());
  EXPECT_TRUE(registry.done);
  EXPECT_EQ(registry.stored, kBytes);
  EXPECT_EQ(registry.sizes, (std::vector<std::size_t>{300'000, 0}));
}

TEST(PushBlob, TriesAgainWithAFreshSource) {
  std::atomic<int> puts = 0;
  std::string stored;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.method == "HEAD") return FakeAnswer{.status = 404};
    if (request.method == "POST") return started("/up");
    if (request.method == "GET") return FakeAnswer{.status = 404};  // knows nothing of the upload
    stored = request.body;
    switch (++puts) {
      case 1:
        return FakeAnswer{.status = 503};
      case 2:
        return FakeAnswer{.hang_up = true};
      default:
        return FakeAnswer{.status = 201};
    }
  });
  int opened = 0;
  const auto pushed = make_client()->push_blob(image(server), kBlob, [&] {
    ++opened;
    return open_blob();
  });
  ASSERT_TRUE(pushed) << to_text(pushed.error());
  EXPECT_EQ(opened, 3);
  EXPECT_EQ(stored, kBytes);
}

TEST(PushBlob, ErrorsOfTheSourceAndOfTheRegistryComeBack) {
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.method == "HEAD") return FakeAnswer{.status = 404};
    if (request.method == "POST") return started("/up");
    return FakeAnswer{.status = 400,
                      .body = R"({"errors":[{"code":"DIGEST_INVALID","message":"no"}]})"};
  });
  const auto client = make_client();
  const auto refused = client->push_blob(image(server), kBlob, open_blob);
  EXPECT_EQ(refused.error().code, Errc::kInvalid);
  EXPECT_NE(refused.error().message.find("DIGEST_INVALID: no"), std::string::npos);

  const auto absent = client->push_blob(
      image(server), kBlob,
      []() -> Result<std::unique_ptr<Source>> { return fail(Errc::kNotFound, "gone"); });
  EXPECT_EQ(absent.error().message, "gone");

  const auto truncated =
      client->push_blob(image(server), kBlob, []() -> Result<std::unique_ptr<Source>> {
        return std::make_unique<StringSource>(std::string_view(kBytes).substr(1));
      });
  EXPECT_EQ(truncated.error().code, Errc::kCorrupt);
}

TEST(PushBlob, AuthorizationStaysWithTheRegistry) {
  FakeServer storage([](const FakeRequest&) { return FakeAnswer{.status = 201}; });
  class User final : public Credentials {
    Result<std::optional<Credential>> find(const std::string&, const std::string&) override {
      return Credential{.username = "u", .password = "p"};
    }
  } user;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.header("authorization").empty())
      return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
    if (request.method == "HEAD") return FakeAnswer{.status = 404};
    return started(storage.url() + "/up?sig=1");
  });
  const auto client = std::move(*Client::create({.credentials = &user}));
  ASSERT_TRUE(client->push_blob(image(server), kBlob, open_blob));
  EXPECT_EQ(storage.requests().back().header("authorization"), "");
  EXPECT_EQ(storage.requests().back().body.size(), kBytes.size());
}

TEST(PushManifest, SendsExactBytesAndChecksTheAnswer) {
  std::string said = sha256("{}").text();
  FakeServer server([&](const FakeRequest& request) {
    return FakeAnswer{.status = request.method == "PUT" ? 201 : 200,
                      .headers = {"Docker-Content-Digest: " + said}};
  });
  const auto client = make_client();
  const auto pushed = client->push_manifest(image(server), "", oci::kManifestType, "{}");
  ASSERT_TRUE(pushed) << to_text(pushed.error());
  EXPECT_EQ(pushed->digest, sha256("{}"));
  const FakeRequest request = server.requests().back();
  EXPECT_EQ(request.target, "/v2/ns/app/manifests/1");
  EXPECT_EQ(request.body, "{}");
  EXPECT_EQ(request.header("content-type"), oci::kManifestType);
  EXPECT_TRUE(client->push_manifest(image(server), said, oci::kManifestType, "{}"));

  EXPECT_EQ(client->push_manifest(image(server), sha256("other").text(), "m", "{}").error().code,
            Errc::kInvalid);
  said = sha256("other").text();
  EXPECT_EQ(client->push_manifest(image(server), "", "m", "{}").error().code, Errc::kCorrupt);
}

TEST(HasBlob, IsAQuestion) {
  FakeServer server([&](const FakeRequest& request) {
    const bool known = request.target.find(kBlob.digest.text()) != std::string::npos;
    return FakeAnswer{.status = known || request.target == "/v2/" ? 200 : 404};
  });
  const auto client = make_client();
  EXPECT_TRUE(*client->has_blob(image(server), kBlob.digest));
  EXPECT_FALSE(*client->has_blob(image(server), sha256("other")));
}

}  // namespace
}  // namespace lichen::registry
