#include "cli/format.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "cli/text_width.h"

namespace lichen::cli {
namespace {

TEST(Format, Sizes) {
  const struct {
    std::uint64_t bytes;
    const char* want;
  } rows[] = {{0, "0B"},
              {31, "31B"},
              {999, "999B"},
              {1000, "1kB"},
              {1234, "1.23kB"},
              {77'900'000, "77.9MB"},
              {999'700, "1MB"},
              {124'000'000, "124MB"},
              {1'240'000'000, "1.24GB"},
              {UINT64_MAX, "18.4EB"}};
  for (const auto& row : rows) EXPECT_EQ(human_size(row.bytes), row.want);
}

TEST(Format, Ages) {
  const struct {
    std::int64_t seconds;
    const char* want;
  } rows[] = {
      {-5, "Less than a second ago"}, {0, "Less than a second ago"}, {1, "1 second ago"},
      {59, "59 seconds ago"},         {60, "About a minute ago"},    {3599, "59 minutes ago"},
      {3600, "About an hour ago"},    {47 * 3600, "47 hours ago"},   {48 * 3600, "2 days ago"},
      {15 * 86400, "2 weeks ago"},    {70 * 86400, "2 months ago"},  {800 * 86400, "2 years ago"}};
  for (const auto& row : rows) EXPECT_EQ(human_ago(row.seconds), row.want);
}

TEST(Format, Times) {
  const struct {
    const char* text;
    std::optional<std::int64_t> want;
  } rows[] = {{"1970-01-01T00:00:00Z", 0},
              {"2026-11-24T16:07:11Z", 1795536431},
              {"2026-11-24T16:07:11.123456789Z", 1795536431},
              {"2026-11-24T17:07:11+01:00", 1795536431},
              {"2000-02-29T12:00:00Z", 951825600},
              {"0001-01-01T00:00:00Z", -62135596800},
              {"", std::nullopt},
              {"2026-11-24", std::nullopt},
              {"2026-11-24T16:07:11", std::nullopt},
              {"2026-13-24T16:07:11Z", std::nullopt},
              {"2026-11-24 16:07:11Z", std::nullopt},
              {"2026-11-24T16:07:11+0100", std::nullopt}};
  for (const auto& row : rows) EXPECT_EQ(parse_rfc3339(row.text), row.want) << row.text;
}

TEST(Format, Tables) {
  EXPECT_EQ(table({{"NAME", "SIZE"}, {"größe", "1"}, {"a", "22"}}),
            "NAME    SIZE\ngröße   1\na       22\n");
  EXPECT_EQ(table({}), "");
}

TEST(Format, Shortens) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abcde…");
  EXPECT_EQ(shorten("größer", 4), "grö…");
}

TEST(TextWidth, CountsColumns) {
  const struct {
    const char* text;
    std::size_t want;
  } rows[] = {{"", 0},
              {"abc", 3},
              {"größe", 5},
              {"日本", 4},
              {"e\u0301", 1},
              {"a\tb", 9},
              {"\x1b[1;31mred\x1b[0m", 3},
              {"\xff\xfe", 2}};
  for (const auto& row : rows) EXPECT_EQ(text_width(row.text), row.want) << row.text;
}

TEST(TextWidth, FitsText) {
  EXPECT_EQ(fit("abcdef", 3), "abc");
  EXPECT_EQ(fit("日本", 3), "日");
  EXPECT_EQ(fit("a\tb", 20), "a       b");
  EXPECT_EQ(fit("\x1b[31mred", 2), "\x1b[31mre\x1b[0m");
  EXPECT_EQ(fit("a\xff"
                "b",
                9),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(fit("\xe6\x97", 9), "\xef\xbf\xbd\xef\xbf\xbd") << "cut characters are not passed on";
}

}  // namespace
}  // namespace lichen::cli
