#include "oci/reference.h"

#include <gtest/gtest.h>

#include <string>

namespace lichen::oci {
namespace {

const std::string kHex(64, 'a');

TEST(Reference, IsNormalisedAndShownAsPeopleTypeIt) {
  const std::string digest = "sha256:" + kHex;
  const struct {
    std::string text, canonical, familiar;
  } rows[] = {
      {"debian", "docker.io/library/debian:latest", "debian:latest"},
      {"debian:12", "docker.io/library/debian:12", "debian:12"},
      {"docker.io/x", "docker.io/library/x:latest", "x:latest"},
      {"index.docker.io/x", "docker.io/library/x:latest", "x:latest"},
      {"docker.io/library/x", "docker.io/library/x:latest", "x:latest"},
      {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
      {"grafana/grafana", "docker.io/grafana/grafana:latest", "grafana/grafana:latest"},
      {"docker.io", "docker.io/library/docker.io:latest", "docker.io:latest"},
      {"localhost/x:1", "localhost/x:1", "localhost/x:1"},
      {"localhost:5000/a/b/c:1", "localhost:5000/a/b/c:1", "localhost:5000/a/b/c:1"},
      {"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"},
      {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
      {"Quay.io/x", "Quay.io/x:latest", "Quay.io/x:latest"},
      {"a__b/c--d.e_f:T.-_9", "docker.io/a__b/c--d.e_f:T.-_9", "a__b/c--d.e_f:T.-_9"},
      {"x@" + digest, "docker.io/library/x@" + digest, "x@" + digest},
      {"x:1@" + digest, "docker.io/library/x:1@" + digest, "x:1@" + digest},
      {"docker.io/library/" + kHex, "docker.io/library/" + kHex + ":latest",
       "docker.io/library/" + kHex + ":latest"},
      {"docker.io/quay.io/x", "docker.io/quay.io/x:latest", "docker.io/quay.io/x:latest"},
      {kHex + ":1", "docker.io/library/" + kHex + ":1", "docker.io/library/" + kHex + ":1"},
      {"x:" + std::string(128, 't'), "docker.io/library/x:" + std::string(128, 't'),
       "x:" + std::string(128, 't')},
  };
  for (const auto& row : rows) {
    const auto reference = parse_reference(row.text);
    ASSERT_TRUE(reference) << row.text << ": " << reference.error().message;
    EXPECT_EQ(to_text(*reference), row.canonical);
    EXPECT_EQ(familiar_text(*reference), row.familiar);
    EXPECT_EQ(*parse_reference(row.canonical), *reference) << row.text;
    EXPECT_EQ(*parse_reference(row.familiar), *reference) << row.text;
  }
}

TEST(Reference, HintsAreNamesThatAreGood) {
  EXPECT_EQ(parse_reference("Foo/bar").error().hint, "write foo/bar");
  EXPECT_EQ(parse_reference("Bad Name").error().hint,
            "use lower-case letters and digits, separated by one of . _ __ or hyphens");
}

TEST(Reference, ErrorsSayWhatIsWrong) {
  const struct {
    std::string text, want;
  } rows[] = {
      {"", "it is empty"},
      {"Debian", "repository name must be lowercase"},
      {"Foo/bar", "repository name must be lowercase"},
      {"quay.io/Foo/bar", "repository name must be lowercase"},
      {kHex, "image id"},
      {"docker.io/", "repository name is empty"},
      {":tag", "repository name is empty"},
      {"a//b", "component of the repository name is empty"},
      {"a/", "component of the repository name is empty"},
      {"/a", "component of the repository name is empty"},
      {"a...b", "bad repository name component"},
      {"a___b", "bad repository name component"},
      {"a._b", "bad repository name component"},
      {"-a", "bad repository name component"},
      {"a-", "bad repository name component"},
      {"a b", "bad repository name component"},
      {"a\x1b[31m", "bad repository name component \"a\\x1b[31m\""},
      {"../../etc", "bad registry host"},
      {"a:", "tag is empty"},
      {"a:" + std::string(129, 't'), "128 characters"},
      {"a:.x", "bad tag"},
      {"a:-x", "bad tag"},
      {"a:b:c", "bad tag"},
      {"a:b c", "bad tag"},
      {"a@sha256:xyz", "invalid digest"},
      {"a@", "invalid digest"},
      {"a@sha512:" + kHex + kHex, "sha512 is not supported"},
      {std::string(256, 'a'), "255 characters"},
      {std::string(250, 'a'), "255 characters"},  // with "library/"
      {"host:/x", "bad registry host"},
      {"host:99999/x", "bad registry host"},
      {"host:5x/x", "bad registry host"},
      {"-a.b/x", "bad registry host"},
      {"a..b/x", "bad registry host"},
      {"[::1/x", "bad registry host"},
      {"[::1]5000/x", "bad registry host"},
      {"user:pw@host.example/x", "bad registry host"},
  };
  for (const auto& row : rows) {
    const auto reference = parse_reference(row.text);
    ASSERT_FALSE(reference) << row.text;
    EXPECT_NE(reference.error().message.find("invalid reference format: "), std::string::npos);
    EXPECT_NE(reference.error().message.find(row.want), std::string::npos)
        << row.text << " -> " << reference.error().message;
  }
}

}  // namespace
}  // namespace lichen::oci
