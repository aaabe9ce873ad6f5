#include "registry/certificates.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "os/file.h"

namespace lichen::registry {
namespace {

class CertificatesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/certificates-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(os::mkdirs(root_ + "/" + path.substr(0, path.rfind('/'))));
    std::ofstream(root_ + "/" + path) << text;
  }
  Result<Certificates> find(const std::string& host) {
    return CertificateDirectories({root_ + "/absent", root_ + "/a", root_ + "/b"}).find(host);
  }
  std::string root_;
};

TEST_F(CertificatesTest, TheFirstDirectoryOfAHostCounts) {
  write("a/x.example/ca.crt", "A");
  write("a/x.example/more.crt", "B");
  write("a/x.example/client.cert", "c");
  write("a/x.example/client.key", "k");
  write("b/x.example/ca.crt", "not read");
  write("b/y.example:5000/ca.crt", "Y");
  const std::string directory = root_ + "/a/x.example";
  EXPECT_EQ(*find("x.example"), (Certificates{.authorities = "A\nB\n",
                                              .client_cert = directory + "/client.cert",
                                              .client_key = directory + "/client.key"}));
  EXPECT_EQ(find("y.example:5000")->authorities, "Y\n");
  EXPECT_EQ(*find("y.example"), Certificates{});
}

TEST_F(CertificatesTest, HalfAPairIsNamed) {
  write("a/x.example/client.cert", "c");
  write("a/y.example/ca.key", "k");
  for (const auto& [host, missing] :
       {std::pair("x.example", "client.key is missing"), {"y.example", "ca.cert is missing"}}) {
    const auto found = find(host);
    ASSERT_FALSE(found) << host;
    EXPECT_EQ(found.error().code, Errc::kInvalid);
    EXPECT_NE(found.error().message.find(missing), std::string::npos) << found.error().message;
  }
}

TEST(CertificateDirectories, TheCallersComeFirst) {
  setenv("HOME", "/h", 1);
  unsetenv("XDG_CONFIG_HOME");
  EXPECT_EQ(certificate_directories(),
            (std::vector<std::string>{"/h/.config/containers/certs.d", "/h/.config/docker/certs.d",
                                      "/etc/containers/certs.d", "/etc/docker/certs.d"}));
}

}  // namespace
}  // namespace lichen::registry
