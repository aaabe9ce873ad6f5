#include "os/host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/file.h"
#include "os/idmap.h"

namespace lichen::os {
namespace {

TEST(SubordinateIds, AreFoundByNameAndByNumber) {
  const char* file =
      "# comment\nroot:1:2\nann:100000:65536\n1000:300000:10\nann:x:5\nann:1\n"
      "anna:7:7\nann:500000:0\n ann:400000:3 \n";
  EXPECT_EQ(parse_subordinate(file, "ann", 1000),
            (std::vector<IdRange>{{0, 100000, 65536}, {0, 300000, 10}, {0, 400000, 3}}));
  EXPECT_TRUE(parse_subordinate(file, "bob", 1001).empty());
  EXPECT_TRUE(parse_subordinate("", "ann", 1000).empty());
}

TEST(SubordinateIds, AreReadFromGetsubids) {
  EXPECT_EQ(parse_getsubids("0: ann 100000 65536\n1: ann 300000 5\n"),
            (std::vector<IdRange>{{0, 100000, 65536}, {0, 300000, 5}}));
  EXPECT_TRUE(parse_getsubids("Error fetching ranges\n").empty());
}

TEST(IdMap, PutsUsFirstAndRangesAfter) {
  EXPECT_EQ(to_text(lay_out(1000, {{0, 100000, 65536}, {0, 300000, 10}})),
            "0 1000 1\n1 100000 65536\n65537 300000 10\n");
  // A range with our own id in it would map that twice.
  EXPECT_EQ(to_text(lay_out(1000, {{0, 500, 1000}, {0, 300000, 10}})), "0 1000 1\n1 300000 10\n");
  EXPECT_EQ(to_text(lay_out(0, {{0, 1, UINT32_MAX}})), "0 0 1\n1 1 4294967294\n");
  EXPECT_EQ(lay_out(5, std::vector<IdRange>(1000, {0, 100, 1})).size(), 340u);
  EXPECT_EQ(ids_of(lay_out(1000, {{0, 100000, 65536}})), 65537u);
}

Host host_with_all_but(const std::string& missing) {
  Host host;
  for (const char* name :
       {features::kUserNamespaces, features::kMountCalls, features::kOpenat2, features::kPidfd,
        features::kOverlay, features::kSubIds, features::kPrivilegeGain, features::kMapHelpers,
        features::kIdMap, features::kNotify, features::kTrace})
    host.features.push_back(
        {.name = name, .ok = name != missing, .detail = "found", .fix = "change " + missing});
  return host;
}

TEST(Host, NamesTheFirstMissingFeatureOfATier) {
  const struct {
    const char* missing;
    const char* ids;
    const char* userns;
    const char* bare;
  } rows[] = {
      {"", "", "", ""},
      {features::kUserNamespaces, "user namespaces: found", "user namespaces: found", ""},
      {features::kSubIds, "subordinate ids: found", "", ""},
      {features::kIdMap, "map of many ids: found", "", ""},
      {features::kNotify, "", "seccomp notification: found", ""},
      {features::kTrace, "", "", "system calls stopped by ptrace: found"},
  };
  for (const auto& row : rows) {
    const auto tiers = host_with_all_but(row.missing).tiers();
    ASSERT_EQ(tiers.size(), 3u);
    EXPECT_EQ(tiers[0].missing, row.ids);
    EXPECT_EQ(tiers[0].ok, tiers[0].missing.empty());
    EXPECT_EQ(tiers[1].missing, row.userns);
    EXPECT_EQ(tiers[1].ok, tiers[1].missing.empty());
    EXPECT_EQ(tiers[2].missing, row.bare);
    EXPECT_EQ(tiers[2].ok, tiers[2].missing.empty());
  }
  EXPECT_EQ(host_with_all_but(features::kIdMap).tiers()[0].fix,
            std::string("change ") + features::kIdMap);
  EXPECT_FALSE(Host{}.tiers()[0].ok);
}

TEST(Host, ProbeAgreesWithWhatABuildWouldMeet) {
  const std::string store = testing::TempDir() + "lichen_host_" + std::to_string(::getpid());
  ASSERT_TRUE(mkdirs(store));
  const Host host = probe_host(store + "/not/yet");
  for (const Feature& feature : host.features) {
    EXPECT_FALSE(feature.detail.empty()) << feature.name;
    EXPECT_FALSE(feature.buys.empty()) << feature.name;
    EXPECT_TRUE(feature.ok || !feature.fix.empty()) << feature.name << ": " << feature.detail;
  }
  EXPECT_EQ(host.has(features::kUserNamespaces), check_tier(Tier::kUserns).has_value());
  EXPECT_EQ(host.has(features::kIdMap), check_tier(Tier::kIds).has_value());
  EXPECT_EQ(host.has(features::kTrace), check_tier(Tier::kBare).has_value());
  EXPECT_TRUE(read_directory(*open(store, O_RDONLY | O_DIRECTORY))->empty());
  ASSERT_TRUE(remove_tree(store));
}

}  // namespace
}  // namespace lichen::os
