// Which requests go through a proxy, and what is said when it refuses.
#include <gtest/gtest.h>
#include <stdlib.h>

#include "registry/testing.h"
#include "registry/transport.h"

namespace lichen::registry {
namespace {

constexpr const char* kVariables[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                      "ALL_PROXY",  "all_proxy",  "NO_PROXY",    "no_proxy"};

class ProxyTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kVariables) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
  static Result<Response> get(const std::string& url) {
    Transport transport({.connect_timeout_ms = 2000, .cancelled = {}, .connect_to = {}});
    return transport.perform({.url = *parse_url(url)});
  }
};

TEST_F(ProxyTest, IsAskedWhateverTheCaseOfItsVariable) {
  FakeServer proxy([](const FakeRequest&) { return FakeAnswer{.body = "by proxy"}; });
  for (const char* name : {"HTTP_PROXY", "http_proxy", "ALL_PROXY"}) {
    SetUp();
    setenv(name, proxy.url().c_str(), 1);
    const auto response = get("http://registry.example/v2/x");
    ASSERT_TRUE(response) << name << ": " << to_text(response.error());
    EXPECT_EQ(response->body, "by proxy");
    EXPECT_EQ(proxy.requests().back().target, "http://registry.example/v2/x");
  }
}

TEST_F(ProxyTest, LoopbackAndWhatNeedsNoneAreAskedDirectly) {
  FakeServer proxy([](const FakeRequest&) { return FakeAnswer{.body = "by proxy"}; });
  FakeServer server([](const FakeRequest&) { return FakeAnswer{.body = "directly"}; });
  setenv("HTTP_PROXY", proxy.url().c_str(), 1);
  EXPECT_EQ(get(server.url() + "/x")->body, "directly");
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    unsetenv("NO_PROXY");
    setenv(name, "other.example,.invalid", 1);
    EXPECT_FALSE(get("http://registry.invalid/x"));
  }
  EXPECT_TRUE(proxy.requests().empty());
}

TEST_F(ProxyTest, ItsRefusalIsNotTheRegistrys) {
  int status = 407;
  FakeServer proxy([&](const FakeRequest&) { return FakeAnswer{.status = status}; });
  setenv("HTTPS_PROXY", ("http://tom:s3cret@" + proxy.domain()).c_str(), 1);
  auto refused = get("https://registry.example/v2/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kDenied);
  EXPECT_NE(refused.error().message.find("proxy wants a login"), std::string::npos);
  EXPECT_EQ(proxy.requests().front().target, "registry.example:443");
  EXPECT_EQ(proxy.requests().front().header("proxy-authorization"), "Basic dG9tOnMzY3JldA==");
  status = 403;
  refused = get("https://registry.example/v2/");
  EXPECT_NE(refused.error().message.find("status 403"), std::string::npos);
  EXPECT_EQ(to_text(refused.error()).find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace lichen::registry
