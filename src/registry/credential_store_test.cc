#include "registry/credential_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "os/file.h"
#include "registry/client_fixture.h"

namespace lichen::registry {
namespace {

class CredentialStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/credential-store-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/new/config.json";
  }
  void write(const std::string& text) {
    ASSERT_TRUE(os::mkdirs(directory_ + "/new"));
    std::ofstream(path_) << text;
  }
  std::string text() { return *os::read_file(path_); }
  Result<std::optional<Credential>> find(const std::string& domain) {
    return CredentialFiles({.text = {}, .paths = {path_}}).find(domain, "");
  }
  // A helper that keeps what it is told in a file.
  void install_helper() {
    const std::string program = directory_ + "/docker-credential-kept";
    std::ofstream(program) << "#!/bin/sh\ncd " + directory_ + R"(
case $1 in
  store) cat > kept ;;
  get) [ -e kept ] && cat kept || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm kept ;;
esac
)";
    chmod(program.c_str(), 0700);
    ASSERT_EQ(setenv("PATH", (directory_ + ":" + getenv("PATH")).c_str(), 1), 0);
  }
  std::string directory_, path_;
};

TEST_F(CredentialStoreTest, MakesAFileThatIsOnesOwn) {
  const Credential credential{.username = "u", .password = "p:w"};
  EXPECT_EQ(*store_credential(path_, "x.example:5000", credential), path_);
  EXPECT_EQ(*store_credential(path_, "docker.io", {.username = "u", .identity_token = "t"}), path_);
  EXPECT_EQ(**find("x.example:5000"), credential);
  EXPECT_EQ((**find("docker.io")).identity_token, "t");
  EXPECT_NE(text().find("https://index.docker.io/v1/"), std::string::npos);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  ASSERT_EQ(stat((directory_ + "/new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(CredentialStoreTest, KeepsWhatElseTheFileSays) {
  write(R"({"z":1,"auths":{"https://x.example/v1/":{"auth":"YTph"},"y.example":{"auth":"Yjpi"}},
            "a":{"b":[2]}})");
  ASSERT_TRUE(store_credential(path_, "x.example", {.username = "u", .password = "p"}));
  EXPECT_EQ(text(),
            "{\n\t\"z\": 1,\n\t\"auths\": {\n\t\t\"y.example\": {\n\t\t\t\"auth\": \"Yjpi\"\n"
            "\t\t},\n\t\t\"x.example\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t},\n\t\"a\": {\n"
            "\t\t\"b\": [\n\t\t\t2\n\t\t]\n\t}\n}\n");
  EXPECT_TRUE(*erase_credential(path_, "x.example"));
  EXPECT_FALSE(*erase_credential(path_, "x.example"));
  EXPECT_EQ(*find("x.example"), std::nullopt);
  EXPECT_EQ((**find("y.example")).username, "b");
}

TEST_F(CredentialStoreTest, FollowsALink) {
  write("{}");
  const std::string link = directory_ + "/link.json";
  ASSERT_EQ(symlink(path_.c_str(), link.c_str()), 0);
  ASSERT_TRUE(store_credential(link, "x.example", {.username = "u", .password = "p"}));
  EXPECT_EQ((**find("x.example")).username, "u");
}

TEST_F(CredentialStoreTest, AHelperKeepsThem) {
  install_helper();
  write(R"({"credHelpers":{"x.example":"kept"},"auths":{"x.example":{"auth":"YTph"}}})");
  const Credential credential{.username = "u", .password = "s3cret\""};
  EXPECT_EQ(*store_credential(path_, "x.example", credential), "docker-credential-kept");
  EXPECT_EQ(text().find("YTph"), std::string::npos);
  EXPECT_EQ(**find("x.example"), credential);
  EXPECT_TRUE(*erase_credential(path_, "x.example"));
  EXPECT_FALSE(*erase_credential(path_, "x.example"));
  EXPECT_EQ(*find("x.example"), std::nullopt);
}

TEST_F(CredentialStoreTest, WhatIsMalformedStaysAsItIs) {
  for (const char* bad : {"{", "[]", R"({"credsStore":"../x"})"}) {
    write(bad);
    const auto stored = store_credential(path_, "x.example", {.username = "u", .password = "p"});
    ASSERT_FALSE(stored) << bad;
    EXPECT_EQ(stored.error().code, Errc::kInvalid);
    EXPECT_EQ(text(), bad);
  }
}

ClientOptions with(Credentials& credentials) {
  ClientOptions options = quick();
  options.credentials = &credentials;
  options.want_refresh_token = true;
  return options;
}

TEST(Login, APasswordIsCheckedByTheRegistry) {
  FakeServer server([](const FakeRequest& request) {
    if (request.header("authorization") == "Basic dTpw") return FakeAnswer{};
    return FakeAnswer{.status = 401, .headers = {"WWW-Authenticate: Basic realm=\"x\""}};
  });
  FixedCredentials good({.username = "u", .password = "p"});
  FixedCredentials bad({.username = "u", .password = "s3cret"});
  EXPECT_EQ(*make_client(with(good))->login(server.domain()), "");
  const auto refused = make_client(with(bad))->login(server.domain());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kDenied);
  EXPECT_EQ(to_text(refused.error()).find("s3cret"), std::string::npos);
}

TEST(Login, ATokenServerMayGiveARefreshToken) {
  std::string domain;
  FakeServer server([&](const FakeRequest& request) {
    if (starts_with(request.target, "/token")) {
      if (request.header("authorization") != "Basic dTpw") return FakeAnswer{.status = 401};
      EXPECT_EQ(request.target, "/token?service=s&client_id=lichen&offline_token=true");
      return FakeAnswer{.body = R"({"token":"good","refresh_token":"lasts"})"};
    }
    if (request.header("authorization") == "Bearer good") return FakeAnswer{};
    return FakeAnswer{.status = 401,
                      .headers = {"WWW-Authenticate: Bearer realm=\"http://" + domain +
                                  "/token\",service=\"s\""}};
  });
  domain = server.domain();
  FixedCredentials good({.username = "u", .password = "p"});
  FixedCredentials bad({.username = "u", .password = "no"});
  EXPECT_EQ(*make_client(with(good))->login(domain), "lasts");
  EXPECT_EQ(make_client(with(bad))->login(domain).error().code, Errc::kDenied);
}

}  // namespace
}  // namespace lichen::registry
