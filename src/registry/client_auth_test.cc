// Who sees our credentials, and who does not.
#include <gtest/gtest.h>

#include <algorithm>

#include "registry/client_fixture.h"

namespace lichen::registry {
namespace {

TEST(Redirect, OtherHostsDoNotSeeTheAuthorization) {
  FakeServer storage([](const FakeRequest&) { return FakeAnswer{.body = "blob"}; });
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    if (request.header("authorization").empty())
      return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
    return FakeAnswer{.status = 307, .headers = {"Location: " + storage.url() + "/signed?sig=s"}};
  });
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  StringSink sink;
  const auto fetched = make_client(options)->fetch_blob(image(server), blob_of("blob"), sink);
  ASSERT_TRUE(fetched) << to_text(fetched.error());
  ASSERT_EQ(storage.requests().size(), 1u);
  EXPECT_EQ(storage.requests()[0].header("authorization"), "");
  EXPECT_EQ(server.requests().back().header("authorization"), "Basic dTpw");
}

TEST(Redirect, A401OfAnotherHostGetsNoCredentials) {
  FakeServer storage([](const FakeRequest&) {
    return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
  });
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    return FakeAnswer{.status = 302, .headers = {"Location: " + storage.url() + "/x"}};
  });
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  StringSink sink;
  const auto fetched = make_client(options)->fetch_blob(image(server), blob_of("blob"), sink);
  EXPECT_EQ(fetched.error().code, Errc::kDenied);
  EXPECT_TRUE(credentials.asked.empty());
}

TEST(Redirect, LoopsAndOtherSchemesAreRefused) {
  for (const char* location : {"/v2/app/manifests/1", "file:///etc/passwd", "gopher://x/"}) {
    FakeServer server([&](const FakeRequest& request) {
      if (request.target == "/v2/") return FakeAnswer{};
      return FakeAnswer{.status = 302, .headers = {std::string("Location: ") + location}};
    });
    const auto found = make_client()->fetch_manifest(image(server));
    ASSERT_FALSE(found) << location;
    EXPECT_EQ(found.error().code, Errc::kCorrupt) << location;
    EXPECT_LE(server.log().size(), 11u);
  }
}

// A registry with a token server of its own. Accepts "Bearer good".
FakeAnswer token_registry(const FakeRequest& request, const std::string& domain,
                          const std::string& token = "good") {
  if (starts_with(request.target, "/token"))
    return {.body = R"({"token":")" + token + R"(","expires_in":300})"};
  if (request.header("authorization") == "Bearer good") return index_answer();
  return {.status = 401,
          .headers = {"WWW-Authenticate: Bearer realm=\"http://" + domain +
                      "/token\",service=\"a b\",scope=\"repository:app:pull\""}};
}

TEST(Token, AnonymousAndKeptUntilItExpires) {
  std::string domain;
  FakeServer server([&](const FakeRequest& request) { return token_registry(request, domain); });
  domain = server.domain();
  const auto client = make_client();
  ASSERT_TRUE(client->fetch_manifest(image(server)));
  ASSERT_TRUE(client->fetch_manifest(image(server)));
  EXPECT_EQ(server.log(),
            (std::vector<std::string>{"GET /v2/app/manifests/1",
                                      "GET /token?service=a%20b&scope=repository%3Aapp%3Apull",
                                      "GET /v2/app/manifests/1", "GET /v2/app/manifests/1"}));
}

TEST(Token, PasswordGoesToTheTokenServerOnly) {
  std::string domain;
  FakeServer server([&](const FakeRequest& request) { return token_registry(request, domain); });
  domain = server.domain();
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  ASSERT_TRUE(make_client(options)->fetch_manifest(image(server)));
  for (const FakeRequest& request : server.requests())
    EXPECT_EQ(request.header("authorization") == "Basic dTpw",
              starts_with(request.target, "/token"))
        << request.target;
  EXPECT_EQ(credentials.asked, std::vector<std::string>{domain});
}

TEST(Token, IdentityTokenIsPosted) {
  std::string domain;
  FakeServer server([&](const FakeRequest& request) { return token_registry(request, domain); });
  domain = server.domain();
  FixedCredentials credentials({.identity_token = "re fresh"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  ASSERT_TRUE(make_client(options)->fetch_manifest(image(server)));
  const auto requests = server.requests();
  const auto posted = std::find_if(requests.begin(), requests.end(),
                                   [](const FakeRequest& r) { return r.method == "POST"; });
  ASSERT_NE(posted, requests.end());
  EXPECT_EQ(posted->target, "/token");
  EXPECT_EQ(posted->body,
            "grant_type=refresh_token&client_id=lichen&service=a%20b&"
            "scope=repository%3Aapp%3Apull&refresh_token=re%20fresh");
}

TEST(Token, RefusalsSayLogIn) {
  std::string domain;
  FakeServer server(
      [&](const FakeRequest& request) { return token_registry(request, domain, "bad"); });
  domain = server.domain();
  const auto found = make_client()->fetch_manifest(image(server));
  EXPECT_EQ(found.error().code, Errc::kDenied);
  EXPECT_NE(found.error().hint.find("lichen login"), std::string::npos);
  EXPECT_EQ(server.log().size(), 3u);  // refreshed once, not for ever
}

TEST(Token, TokensThatWouldBreakAHeaderAreRefused) {
  std::string domain;
  FakeServer server([&](const FakeRequest& request) {
    return token_registry(request, domain, R"(a\r\nX-Evil: 1)");
  });
  domain = server.domain();
  const auto found = make_client()->fetch_manifest(image(server));
  ASSERT_FALSE(found);
  EXPECT_EQ(to_text(found.error()).find("Evil"), std::string::npos);
}

TEST(Token, ARemoteTokenServerMustBeHttps) {
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    return FakeAnswer{.status = 401,
                      .headers = {"WWW-Authenticate: Bearer realm=\"http://tokens.example/\""}};
  });
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  const auto found = make_client(options)->fetch_manifest(image(server));
  EXPECT_EQ(found.error().code, Errc::kDenied);
  EXPECT_NE(found.error().message.find("not https"), std::string::npos) << found.error().message;
}

TEST(Basic, WithoutCredentialsTheHintSaysLogIn) {
  FakeServer server([](const FakeRequest&) {
    return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
  });
  const auto found = make_client()->resolve(image(server));
  EXPECT_EQ(found.error().code, Errc::kDenied);
  EXPECT_NE(found.error().hint.find("lichen login"), std::string::npos);
}

TEST(PlainHttp, NeverCarriesCredentials) {
  FakeServer server([](const FakeRequest& request) {
    if (request.header("authorization").empty())
      return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
    return index_answer();
  });
  FixedCredentials credentials({.username = "u", .password = "p"});
  ClientOptions options = quick();
  options.credentials = &credentials;
  options.tls_verify = false;
  const std::string port = std::to_string(server.port());
  options.connect_to = {"registry.example:443:127.0.0.1:" + port,
                        "registry.example:80:127.0.0.1:" + port};
  const auto client = make_client(options);
  const auto found = client->resolve(*oci::parse_reference("registry.example/app:1"));
  EXPECT_EQ(found.error().code, Errc::kDenied);
  EXPECT_NE(found.error().message.find("plain http"), std::string::npos) << found.error().message;
  ASSERT_FALSE(server.requests().empty());
  for (const FakeRequest& request : server.requests())
    EXPECT_EQ(request.header("authorization"), "");
  EXPECT_TRUE(credentials.asked.empty());
}

TEST(PlainHttp, IsNotTriedWhenTlsIsVerified) {
  FakeServer server([](const FakeRequest&) { return index_answer(); });
  ClientOptions options = quick();
  const std::string port = std::to_string(server.port());
  options.connect_to = {"registry.example:443:127.0.0.1:" + port,
                        "registry.example:80:127.0.0.1:" + port};
  const auto found = make_client(options)->resolve(*oci::parse_reference("registry.example/app:1"));
  EXPECT_EQ(found.error().code, Errc::kUnavailable);
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace lichen::registry
