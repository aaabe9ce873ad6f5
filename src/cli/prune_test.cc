// What `lichen prune` is asked, and what it and `lichen du` print.
#include <gtest/gtest.h>

#include "cli/prune_options.h"
#include "cli/usage_text.h"

namespace lichen::cli {
namespace {

using store::PruneRequest;
using store::UsageKind;

constexpr std::int64_t kNow = 1'000'000;

TEST(Prune, TakesDockersFlags) {
  const auto options =
      parse_prune({"-af", "--filter", "until=24h", "--filter=type=exec.cachemount",
                   "--max-used-space", "2GB", "--min-free-space=1m", "--keep-storage", "512"},
                  kNow);
  ASSERT_TRUE(options) << to_text(options.error());
  EXPECT_TRUE(options->force);
  EXPECT_EQ(options->request.scope, PruneRequest::Scope::kAll);
  EXPECT_EQ(options->request.before, kNow - 86'400);
  EXPECT_EQ(options->request.kinds, std::set{UsageKind::kCacheMount});
  EXPECT_EQ(options->request.limits.max_used, std::uint64_t{2} << 30);
  EXPECT_EQ(options->request.limits.min_free, std::uint64_t{1} << 20);
  EXPECT_EQ(options->request.limits.reserved, 512u);
}

TEST(Prune, TakesTimes) {
  const struct {
    const char* text;
    std::int64_t want;
  } rows[] = {{"2020-01-01", 1'577'836'800},
              {"2020-01-01T00:00:01", 1'577'836'801},
              {"2020-01-01T01:00:02+01:00", 1'577'836'802},
              {"1m", kNow - 60}};
  for (const auto& row : rows) {
    const auto options = parse_prune({"--filter", std::string("until=") + row.text}, kNow);
    ASSERT_TRUE(options) << row.text;
    EXPECT_EQ(options->request.before, row.want) << row.text;
  }
  EXPECT_NE(parse_prune({"--filter=until=2020-13-01"}, kNow).error().message.find("nor a time"),
            std::string::npos);
}

TEST(Prune, RefusesWhatItDoesNotKnow) {
  for (const char* bad : {"id=3", "until=soon", "until=", "type=x", "until=-3h", "until=3"})
    EXPECT_FALSE(parse_prune({"--filter", bad}, kNow)) << bad;
  EXPECT_FALSE(parse_prune({"--max-used-space", "much"}, kNow));
  EXPECT_FALSE(parse_prune({"argument"}, kNow));
}

TEST(Prune, Durations) {
  const struct {
    const char* text;
    std::int64_t seconds;
  } rows[] = {{"24h", 86'400}, {"1h30m", 5'400}, {"7d", 604'800}, {"90s", 90}, {"0s", 0}};
  for (const auto& row : rows) {
    const auto seconds = parse_duration(row.text);
    ASSERT_TRUE(seconds) << row.text;
    EXPECT_EQ(*seconds, row.seconds) << row.text;
  }
}

store::Usage example() {
  store::Usage usage;
  usage.other = 4096;
  usage.entries = {{.kind = UsageKind::kStep,
                    .id = "12",
                    .description = "[2/2] RUN make\x1b",
                    .bytes = 3'000'000,
                    .used = kNow - 7200},
                   {.kind = UsageKind::kStep, .id = "13", .bytes = 1000, .in_use = true},
                   {.kind = UsageKind::kImage,
                    .id = "docker.io/library/app:1",
                    .bytes = 5'000'000,
                    .used = kNow,
                    .has_name = true}};
  return usage;
}

TEST(Usage, IsSummedUpByKind) {
  EXPECT_EQ(usage_text(example()),
            "TYPE                    COUNT   SIZE     RECLAIMABLE\n"
            "Images                  1       5MB      0B\n"
            "Cached steps            2       3MB      3MB\n"
            "Database, directories           4.1kB    0B\n"
            "Total                           8.01MB   3MB\n");
}

TEST(Usage, ListsTheLargestFirst) {
  EXPECT_EQ(entries_text(example().entries, kNow),
            "ID   TYPE    SIZE   LAST USED                STATE    WHAT\n"
            "-    image   5MB    Less than a second ago   -        app:1\n"
            "12   step    3MB    2 hours ago              -        [2/2] RUN make\\x1b\n"
            "13   step    1kB    -                        in use   \n");
}

TEST(Usage, HasEveryByteAsJson) {
  const std::string json = usage_json({.root = "/s", .usage = example()});
  EXPECT_NE(json.find("\"bytes\": 8005096"), std::string::npos) << json;
  EXPECT_NE(json.find("\"reclaimable\": 3000000"), std::string::npos) << json;
}

}  // namespace
}  // namespace lichen::cli
