#include "ops/fetched.h"

#include <gtest/gtest.h>

#include "fetch/http_text.h"

namespace lichen::ops {
namespace {

TEST(Fetched, KnowsWhatNeedsTheNetwork) {
  const std::string commit(40, 'a');
  const auto remote = [](const std::string& identifier,
                         std::map<std::string, std::string> attributes = {}) {
    const graph::SourceOp source{.identifier = identifier, .attributes = std::move(attributes)};
    EXPECT_TRUE(is_fetched(source)) << identifier;
    return FetchedSources::is_remote(source);
  };
  EXPECT_TRUE(remote("http://host/a"));
  EXPECT_TRUE(remote("https://host/a"));
  EXPECT_FALSE(remote("https://host/a", {{"http.checksum", sha256("x").text()}}));
  EXPECT_TRUE(remote("git://host/a.git"));
  EXPECT_TRUE(remote("git://host/a.git#main:dir", {{"git.checksum", commit}}));
  EXPECT_FALSE(remote("git://host/a.git#" + commit));
  EXPECT_FALSE(remote("git://host/a.git#" + commit + ":dir"));
  EXPECT_FALSE(remote("git://host/a.git", {{"git.checksum", commit}}));
  EXPECT_TRUE(remote("git://host/a.git", {{"git.checksum", commit.substr(1)}}));
  for (const char* other : {"local://context", "docker-image://a@sha256:1", "oci-layout://a"})
    EXPECT_FALSE(is_fetched({.identifier = other})) << other;
}

TEST(Fetched, TakesCredentialsFromSecrets) {
  const std::map<std::string, std::string> secrets = {{"HTTP_AUTH_TOKEN_host", "one\n"},
                                                      {"HTTP_AUTH_HEADER_host:8443", "Digest two"},
                                                      {"GIT_AUTH_TOKEN", "three"},
                                                      {"GIT_AUTH_HEADER.other:81", "Basic four"},
                                                      {"HTTP_AUTH_TOKEN_", "never"}};
  EXPECT_EQ(http_authorization(secrets, "https://host/a"), "Bearer one");
  EXPECT_EQ(http_authorization(secrets, "https://host:1/a?b:c"), "Bearer one");
  EXPECT_EQ(http_authorization(secrets, "https://u:p@host:8443"), "Digest two");
  EXPECT_EQ(http_authorization(secrets, "https://elsewhere/host"), "");
  const std::string three = fetch::basic_authorization("x-access-token:three");
  EXPECT_EQ(git_authorization(secrets, "https://host/a.git"), three);
  EXPECT_EQ(git_authorization(secrets, "https://other:81/a.git"), "Basic four");
  EXPECT_EQ(git_authorization({}, "https://host/a.git"), "");
}

}  // namespace
}  // namespace lichen::ops
