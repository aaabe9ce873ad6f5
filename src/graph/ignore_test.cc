#include "graph/ignore.h"

#include <gtest/gtest.h>

namespace lichen::graph {
namespace {

TEST(Ignore, LastMatchWinsAndParentsCount) {
  const auto ignore = Ignore::parse("# comment\nnode_modules\n**/*.o\n!keep.o\nlogs/**\n").value();
  const struct {
    const char* path;
    bool excluded;
  } rows[] = {{"node_modules", true},    {"node_modules/a/b", true},
              {"a/node_modules", false}, {"x.o", true},
              {"d/x.o", true},           {"keep.o", false},
              {"logs", false},           {"logs/x", true},
              {"comment", false}};
  for (const auto& row : rows) EXPECT_EQ(ignore.excludes(row.path), row.excluded) << row.path;
}

TEST(Ignore, SkipsOnlyDirectoriesThatNothingReadmitsFrom) {
  const auto ignore = Ignore::parse("a\nb\nc*\n!b/keep\n!d/**/x\n").value();
  EXPECT_TRUE(ignore.can_skip_directory("a"));
  EXPECT_FALSE(ignore.can_skip_directory("b"));
  EXPECT_TRUE(ignore.can_skip_directory("b/other"));
  EXPECT_TRUE(ignore.can_skip_directory("c1"));
  EXPECT_FALSE(ignore.can_skip_directory("z"));
  const auto any = Ignore::parse("a\n!**/keep\n").value();
  EXPECT_FALSE(any.can_skip_directory("a"));
}

TEST(Ignore, RefusesMalformedPatterns) {
  for (const char* text : {"!", "[", "a[", "[]a]", "[a-b-c]", "x\\", "[z-a]"})
    EXPECT_FALSE(Ignore::parse(text)) << text;
  EXPECT_TRUE(Ignore().empty());
  EXPECT_FALSE(Ignore().excludes("x"));
}

TEST(Wildcard, FollowsGo) {
  const struct {
    const char* pattern;
    const char* name;
    bool match;
  } rows[] = {{"*.txt", "a.txt", true},
              {"*.txt", "d/a.txt", false},
              {"a?c", "abc", true},
              {"a?c", "a/c", false},
              {"[a-c]x", "bx", true},
              {"[^a-c]x", "bx", false},
              {"\\*", "*", true},
              {"\\*", "x", false},
              {"*", "", true},
              {"a*b*c", "aXbYbZc", true},
              {"\xc3\xa9*", "\xc3\xa9t\xc3\xa9", true}};
  for (const auto& row : rows)
    EXPECT_EQ(match_wildcard(row.pattern, row.name).value(), row.match)
        << row.pattern << " " << row.name;
  EXPECT_TRUE(has_wildcard("a/*"));
  EXPECT_FALSE(has_wildcard("a\\*b"));
}

// The classic of exponential matchers: stars in a row over a text that nearly matches.
TEST(Wildcard, CostIsBounded) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(match_wildcard(pattern + "b", std::string(5000, 'a')).value());
}

}  // namespace
}  // namespace lichen::graph
