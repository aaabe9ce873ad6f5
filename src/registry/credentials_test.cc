#include "registry/credentials.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <utility>
#include <vector>

namespace lichen::registry {
namespace {

// Of the registry as a whole, unless told.
class Files {
 public:
  explicit Files(std::vector<std::string> paths, std::string text = {})
      : files_(CredentialSources{.text = std::move(text), .paths = std::move(paths)}) {}
  Result<std::optional<Credential>> find(const std::string& domain, const std::string& name = {}) {
    return files_.find(domain, name);
  }

 private:
  CredentialFiles files_;
};

class CredentialFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/credentials-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  // A helper that knows docker.io and quay.io only, and fails for broken.example.
  void install_helper() {
    write("docker-credential-fake", R"(#!/bin/sh
read -r host
case $host in
  https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"hub","Secret":"s3cret"}' ;;
  quay.io) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  broken.example) echo 's3cret leaked'; exit 1 ;;
  odd.example) echo 's3cret is not JSON' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
)",
          0700);
    const std::string path = directory_ + ":" + getenv("PATH");
    ASSERT_EQ(setenv("PATH", path.c_str(), 1), 0);
  }
  std::string directory_;
};

TEST_F(CredentialFilesTest, AuthsOfEveryForm) {
  Files files({directory_ + "/absent", write("config.json", R"({"auths":{
    "https://index.docker.io/v1/":{"auth":"aHViOnA6dw=="},
    "https://old.example/v2/":{"auth":"dTpw"},
    "plain.example:5000":{"username":"u","password":"p"},
    "token.example":{"auth":"","identitytoken":"t"},
    "empty.example":{}}, "HttpHeaders":{"a":"b"}})")});
  EXPECT_EQ(**files.find("docker.io"), (Credential{.username = "hub", .password = "p:w"}));
  EXPECT_EQ(**files.find("old.example"), (Credential{.username = "u", .password = "p"}));
  EXPECT_EQ(**files.find("plain.example:5000"), (Credential{.username = "u", .password = "p"}));
  EXPECT_EQ(**files.find("token.example"), (Credential{.identity_token = "t"}));
  EXPECT_EQ(*files.find("empty.example"), std::nullopt);
  EXPECT_EQ(*files.find("other.example"), std::nullopt);
  EXPECT_EQ(*files.find("plain.example"), std::nullopt);
}

TEST_F(CredentialFilesTest, TheFirstFileThatKnowsTheDomainWins) {
  Files files({write("a", R"({"auths":{"x.example":{"auth":"YTph"}}})"),
               write("b", R"({"auths":{"x.example":{"auth":"Yjpi"},
                                                 "y.example":{"auth":"Yjpi"}}})")});
  EXPECT_EQ((**files.find("x.example")).username, "a");
  EXPECT_EQ((**files.find("y.example")).username, "b");
}

TEST_F(CredentialFilesTest, HelpersAreAskedOnStdin) {
  install_helper();
  Files files({write("config.json", R"({"credHelpers":{"quay.io":"fake",
    "broken.example":"fake","gone.example":"not-installed"},"credsStore":"fake",
    "auths":{"other.example":{"auth":"dTpw"}}})")});
  EXPECT_EQ(**files.find("docker.io"), (Credential{.username = "hub", .password = "s3cret"}));
  EXPECT_EQ(**files.find("quay.io"), (Credential{.identity_token = "refresh"}));
  EXPECT_EQ((**files.find("other.example")).username, "u");
  EXPECT_EQ(*files.find("unknown.example"), std::nullopt);
  for (const char* domain : {"broken.example", "odd.example"}) {
    const auto failed = files.find(domain);
    ASSERT_FALSE(failed) << domain;
    EXPECT_EQ(failed.error().code, Errc::kDenied);
    EXPECT_EQ(to_text(failed.error()).find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(files.find("gone.example").error().code, Errc::kNotFound);
}

TEST_F(CredentialFilesTest, AStoreThatIsNotInstalledIsNoObstacle) {
  Files files({write("config.json", R"({"credsStore":"not-installed",
    "auths":{"x.example":{"auth":"dTpw"}}})")});
  EXPECT_EQ((**files.find("x.example")).username, "u");
  EXPECT_EQ(*files.find("docker.io"), std::nullopt);
}

TEST_F(CredentialFilesTest, MalformedFilesAreNamedAndSecretsAreNot) {
  for (const char* text :
       {"{", "[]", R"({"auths":[]})", R"({"auths":{"x.example":{"auth":"s3cret!"}}})",
        R"({"auths":{"x.example":{"auth":"czNjcmV0"}}})", R"({"auths":{"x.example":"s3cret"}})",
        R"({"credHelpers":{"x.example":"../s3cret"}})", R"({"credsStore":7})"}) {
    const std::string path = write("config.json", text);
    const auto found = Files({path}).find("x.example");
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code, Errc::kInvalid) << text;
    EXPECT_NE(found.error().message.find(path), std::string::npos) << found.error().message;
    EXPECT_EQ(found.error().message.find("s3cret"), std::string::npos) << found.error().message;
  }
}

TEST_F(CredentialFilesTest, TheLongestKeyCounts) {
  Files files({write("auth.json", R"({"auths":{"x.example":{"auth":"YTph"},
    "x.example/org":{"auth":"Yjpi"}, "x.example/org/app":{"auth":"Yzpj"},
    "docker.io/me":{"auth":"Yzpj"}, "https://index.docker.io/v1/":{"auth":"YTph"}}})")});
  EXPECT_EQ((**files.find("x.example")).username, "a");
  EXPECT_EQ((**files.find("x.example", "organ")).username, "a");
  EXPECT_EQ((**files.find("x.example", "org/other")).username, "b");
  EXPECT_EQ((**files.find("x.example", "org/app")).username, "c");
  EXPECT_EQ((**files.find("docker.io", "me/app")).username, "c");
  EXPECT_EQ((**files.find("docker.io", "library/app")).username, "a");
}

TEST_F(CredentialFilesTest, ATextComesBeforeTheFiles) {
  Files files(
      {write("a", R"({"auths":{"x.example":{"auth":"YTph"}, "y.example":{"auth":"YTph"}}})")},
      R"({"auths":{"x.example":{"auth":"Yjpi"}}})");
  EXPECT_EQ((**files.find("x.example")).username, "b");
  EXPECT_EQ((**files.find("y.example")).username, "a");
  EXPECT_NE(Files({}, "{").find("x.example").error().message.find("DOCKER_AUTH_CONFIG"),
            std::string::npos);
}

TEST(CredentialSources, FollowTheEnvironment) {
  setenv("DOCKER_AUTH_CONFIG", "{}", 1);
  setenv("REGISTRY_AUTH_FILE", "/r", 1);
  setenv("XDG_RUNTIME_DIR", "/x", 1);
  setenv("XDG_CONFIG_HOME", "/c", 1);
  setenv("DOCKER_CONFIG", "/d", 1);
  setenv("HOME", "/h", 1);
  EXPECT_EQ(credential_sources().text, "{}");
  EXPECT_EQ(credential_sources().paths,
            (std::vector<std::string>{"/r", "/x/containers/auth.json", "/c/containers/auth.json",
                                      "/d/config.json"}));
  for (const char* name : {"DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
                           "XDG_CONFIG_HOME", "DOCKER_CONFIG"})
    unsetenv(name);
  EXPECT_EQ(credential_sources().paths, (std::vector<std::string>{"/h/.config/containers/auth.json",
                                                                  "/h/.docker/config.json"}));
}

}  // namespace
}  // namespace lichen::registry
