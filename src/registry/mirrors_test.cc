// Which of the places that may have an image is asked, and which credentials it sees.
#include <gtest/gtest.h>

#include "registry/client_fixture.h"

namespace lichen::registry {
namespace {

ClientOptions with_mirror(const FakeServer& origin, const std::string& mirror) {
  ClientOptions options = quick();
  const std::string text = "[[registry]]\nlocation = \"" + origin.domain() +
                           "\"\n[[registry.mirror]]\nlocation = \"" + mirror + "/hub\"\n";
  options.registries_conf = [text]() -> Result<RegistriesConf> {
    RegistriesConf conf;
    TRY(conf.add(text, "test.conf"));
    return conf;
  };
  return options;
}

FakeAnswer image_server(const FakeRequest& request) {
  if (request.target.find("/blobs/") != std::string::npos) return {.body = "blob"};
  return index_answer();
}

TEST(Mirrors, WhatTheMirrorHasComesFromThere) {
  FakeServer origin(image_server), mirror(image_server);
  const auto client = make_client(with_mirror(origin, mirror.domain()));
  ASSERT_TRUE(client->resolve(image(origin)));
  StringSink sink;
  ASSERT_TRUE(client->fetch_blob(image(origin), blob_of("blob"), sink));
  EXPECT_EQ(mirror.log(),
            (std::vector<std::string>{"HEAD /v2/hub/app/manifests/1",
                                      "GET /v2/hub/app/blobs/" + sha256("blob").text()}));
  EXPECT_TRUE(origin.requests().empty());
}

TEST(Mirrors, WhatItHasNotComesFromTheRegistry) {
  FakeServer origin(image_server);
  FakeServer mirror([](const FakeRequest& request) {
    return FakeAnswer{.status = request.target == "/v2/" ? 200 : 404};
  });
  ASSERT_TRUE(make_client(with_mirror(origin, mirror.domain()))->resolve(image(origin)));
  EXPECT_EQ(origin.log(), std::vector<std::string>{"HEAD /v2/app/manifests/1"});
}

TEST(Mirrors, OneThatIsDownIsAskedOnce) {
  std::string gone;
  {
    FakeServer server(image_server);
    gone = server.domain();
  }
  FakeServer origin(image_server);
  const auto client = make_client(with_mirror(origin, gone));
  ASSERT_TRUE(client->resolve(image(origin)));
  StringSink sink;
  ASSERT_TRUE(client->fetch_blob(image(origin), blob_of("blob"), sink));
  EXPECT_EQ(sink.bytes(), "blob");
}

TEST(Mirrors, AWrongManifestOfAMirrorIsNotTaken) {
  FakeServer origin(image_server);
  FakeServer mirror([](const FakeRequest&) { return FakeAnswer{.body = "{}"}; });
  const auto found = make_client(with_mirror(origin, mirror.domain()))
                         ->fetch_manifest(image(origin), sha256(kIndex).text());
  ASSERT_TRUE(found) << to_text(found.error());
  EXPECT_EQ(found->bytes, kIndex);
}

TEST(Mirrors, ABlobIsFinishedByTheRegistry) {
  FakeServer mirror([](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (!request.header("range").empty()) return FakeAnswer{.status = 500};
    return FakeAnswer{.body = "bl", .content_length = 4, .close = true};
  });
  FakeServer origin([](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.header("range") != "bytes=2-") return FakeAnswer{.status = 400};
    return FakeAnswer{.status = 206, .headers = {"Content-Range: bytes 2-3/4"}, .body = "ob"};
  });
  StringSink sink;
  const auto fetched = make_client(with_mirror(origin, mirror.domain()))
                           ->fetch_blob(image(origin), blob_of("blob"), sink);
  ASSERT_TRUE(fetched) << to_text(fetched.error());
  EXPECT_EQ(sink.bytes(), "blob");
}

TEST(Mirrors, AfterAWrongBlobTheRegistryIsAsked) {
  FakeServer mirror([](const FakeRequest& request) {
    return FakeAnswer{.body = request.target == "/v2/" ? "" : "blub"};
  });
  FakeServer origin([](const FakeRequest& request) {
    return FakeAnswer{.body = request.target == "/v2/" ? "" : "blob"};
  });
  const auto client = make_client(with_mirror(origin, mirror.domain()));
  StringSink first, second;
  const auto wrong = client->fetch_blob(image(origin), blob_of("blob"), first);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::kCorrupt);
  const auto right = client->fetch_blob(image(origin), blob_of("blob"), second);
  ASSERT_TRUE(right) << to_text(right.error());
  EXPECT_EQ(second.bytes(), "blob");
}

TEST(Mirrors, WhenAllFailTheErrorNamesAll) {
  FakeServer origin([](const FakeRequest& request) {
    return FakeAnswer{.status = request.target == "/v2/" ? 200 : 404};
  });
  FakeServer mirror([](const FakeRequest& request) {
    return FakeAnswer{.status = request.target == "/v2/" ? 200 : 403};
  });
  const auto found = make_client(with_mirror(origin, mirror.domain()))->resolve(image(origin));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::kNotFound);
  EXPECT_NE(found.error().message.find("image not found: " + origin.domain()), std::string::npos);
  EXPECT_NE(found.error().message.find("mirror: " + mirror.domain()), std::string::npos)
      << found.error().message;
}

TEST(Mirrors, EachIsAskedWithItsOwnCredentials) {
  const auto guarded = [](const FakeRequest& request) {
    if (request.header("authorization").empty())
      return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
    return image_server(request);
  };
  FakeServer origin(image_server), mirror(guarded);
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = with_mirror(origin, mirror.domain());
  options.credentials = &credentials;
  ASSERT_TRUE(make_client(options)->resolve(image(origin)));
  EXPECT_EQ(credentials.asked, std::vector<std::string>{mirror.domain()});
}

TEST(Mirrors, PushesGoToTheRegistryAlone) {
  FakeServer origin([](const FakeRequest&) { return FakeAnswer{.status = 201}; });
  FakeServer mirror(image_server);
  const auto client = make_client(with_mirror(origin, mirror.domain()));
  ASSERT_TRUE(client->push_manifest(image(origin), "", oci::kIndexType, kIndex));
  EXPECT_TRUE(mirror.requests().empty());
}

}  // namespace
}  // namespace lichen::registry
