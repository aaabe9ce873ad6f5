#include "attest/package_url.h"

#include <gtest/gtest.h>

namespace lichen::attest {
namespace {

TEST(PackageUrl, NamesAnImageAsPeopleDo) {
  const struct {
    const char *reference, *want;
  } rows[] = {
      {"debian:12", "pkg:docker/debian@12?platform=linux%2Famd64"},
      {"me/app", "pkg:docker/me/app@latest?platform=linux%2Famd64"},
      {"127.0.0.1:5000/a/b:1", "pkg:docker/127.0.0.1:5000/a/b@1?platform=linux%2Famd64"},
      {"ghcr.io/a/b", "pkg:docker/ghcr.io/a/b@latest?platform=linux%2Famd64"},
      {"debian:12@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "pkg:docker/debian@12?platform=linux%2Famd64"},
      {"debian@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "pkg:docker/debian?digest=sha256:"
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855&platform=linux%2Famd64"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(package_url("docker", oci::parse_reference(row.reference).value(),
                          {.os = "linux", .architecture = "amd64"}),
              row.want);
  EXPECT_EQ(package_url("oci", oci::parse_reference("foo").value(),
                        {.os = "linux", .architecture = "arm"}),
            "pkg:oci/foo@latest?platform=linux%2Farm%2Fv7");
}

}  // namespace
}  // namespace lichen::attest
