#include "build/attestation_options.h"

#include <gtest/gtest.h>

namespace lichen::build {
namespace {

TEST(AttestationOptions, AreWhatBuildxMakesOfThem) {
  AttestationRequest request;
  ASSERT_TRUE(take_attestation("type=provenance,mode=min,version=v0.2,builder-id=a,filename=b.json",
                               request));
  ASSERT_TRUE(request.provenance);
  EXPECT_EQ(request.provenance->options.detail, attest::Detail::kMin);
  EXPECT_EQ(request.provenance->options.version, attest::SlsaVersion::kV02);
  EXPECT_EQ(request.provenance->options.builder_id, "a");
  EXPECT_EQ(request.provenance->filename, "b.json");
  ASSERT_TRUE(take_attestation("provenance", "false", request));
  EXPECT_TRUE(request.empty());
  ASSERT_TRUE(take_attestation("provenance", "true", request));
  EXPECT_EQ(request.provenance->options.detail, attest::Detail::kMax);
  ASSERT_TRUE(take_attestation("sbom", "generator=me/scan,key=value", request));
  EXPECT_EQ(request.sbom->generator, "me/scan");
  EXPECT_EQ(request.sbom->parameters.at("key"), "value");
  ASSERT_TRUE(take_attestation("type=sbom,disabled=true", request));
  EXPECT_FALSE(request.sbom);
}

TEST(AttestationOptions, MistakesAreErrors) {
  for (const char* bad :
       {"", "type=other", "mode=min", "type=provenance,mode=full", "type=provenance,version=2",
        "type=provenance,modus=min", "type=provenance,filename=a/b", "type=provenance,filename=..",
        "type=provenance,reproducible=perhaps", "type=provenance,mode"}) {
    AttestationRequest request;
    EXPECT_FALSE(take_attestation(bad, request)) << bad;
  }
}

}  // namespace
}  // namespace lichen::build
