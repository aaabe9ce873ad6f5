#include "cli/doctor.h"

#include <gtest/gtest.h>

#include "oci/json.h"

namespace lichen::cli {
namespace {

using namespace os::features;

Diagnosis with_features(const std::vector<const char*>& missing) {
  Diagnosis diagnosis{.kernel = "Linux 6.1 x86_64",
                      .user = "alice (uid 1000)",
                      .store = "/home/alice/store",
                      .file_system = "ext4",
                      .free_bytes = 5'000'000'000};
  for (const char* name :
       {kUserNamespaces, kMountCalls, kOpenat2, kPidfd, kOverlay, kNotify, kMapHelpers, kSubIds,
        kIdMap, kPrivilegeGain, kTrace, kFreshProc, kXattrs, kCgroup, kDisk}) {
    const bool ok =
        std::find(missing.begin(), missing.end(), std::string_view(name)) == missing.end();
    diagnosis.host.features.push_back({.name = name,
                                       .ok = ok,
                                       .detail = ok ? "found" : "absent",
                                       .fix = ok ? "" : std::string("fix ") + name,
                                       .buys = "a gain"});
  }
  return diagnosis;
}

TEST(Doctor, SaysWhichTierAndWhy) {
  const Diagnosis diagnosis = with_features({kSubIds});
  EXPECT_TRUE(some_tier_works(diagnosis));
  const std::string text = doctor_text(diagnosis);
  for (const char* line :
       {"  kernel    Linux 6.1 x86_64\n", "  store     /home/alice/store (ext4, 5GB free)\n",
        "  ids       no   the kernel maps a range of ids; fastest\n",
        "subordinate ids: absent\n      an administrator: fix subordinate ids\n"
        "      it buys: a gain\n",
        "  userns    yes  one id is mapped, a supervisor answers for the others"
        "  <- --tier=auto takes it\n",
        "  bare      yes  no namespaces at all", "  openat2: found\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST(Doctor, NothingMissingNothingToFix) {
  const Diagnosis diagnosis = with_features({});
  const std::string text = doctor_text(diagnosis);
  EXPECT_NE(text.find("  ids       yes"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nMissing\n"), std::string::npos) << text;
}

TEST(Doctor, NoTierAtAll) {
  EXPECT_TRUE(some_tier_works(with_features({kUserNamespaces})));
  EXPECT_FALSE(some_tier_works(with_features({kUserNamespaces, kTrace})));
}

TEST(Doctor, JsonHasTheSame) {
  const auto json = oci::json::parse(doctor_json(with_features({kSubIds})), "doctor");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["tier"], "userns");
  EXPECT_EQ((*json)["tiers"][0]["name"], "ids");
  EXPECT_EQ((*json)["tiers"][0]["ok"], false);
  EXPECT_EQ((*json)["tiers"][0]["fix"], "fix subordinate ids");
  EXPECT_EQ((*json)["features"].size(), 15u);
  EXPECT_EQ((*json)["store"]["free_bytes"], 5'000'000'000);
}

}  // namespace
}  // namespace lichen::cli
