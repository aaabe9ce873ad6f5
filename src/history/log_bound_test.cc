#include "history/log_bound.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lichen::history {
namespace {

constexpr LogLimits kLimits{.head = 10, .tail = 6, .all = 40, .least = 2, .entry = 0};

Entry log(int step, const std::string& text) {
  return {.kind = Kind::kLog, .step = step, .text = text};
}

// "begin|3|end": what a record has of a step that wrote `pieces`.
std::string kept(LogBound& bound, int step, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces)
    if (bound.take(log(step, piece))) text += piece;
  for (const Entry& entry : bound.rest(step))
    text += entry.kind == Kind::kOmitted ? "|" + std::to_string(entry.bytes) + "|" : entry.text;
  return text;
}

TEST(LogBound, KeepsBeginAndEnd) {
  const struct {
    std::vector<std::string> pieces;
    const char* kept;
  } rows[] = {{{}, ""},
              {{"0123456789"}, "0123456789"},
              {{"01234", "56789", "abc", "def"}, "0123456789abcdef"},
              {{"01234", "56789", "abc", "def", "g"}, "0123456789|3|defg"},
              {{"0123456", "abcdef", "g"}, "0123456|6|g"},
              {{"0123456789abcdef"}, "|10|abcdef"},
              {{"01", "0123456789abcdef", "g"}, "01|16|g"}};
  for (const auto& row : rows) {
    LogBound bound(kLimits);
    EXPECT_EQ(kept(bound, 1, row.pieces), row.kept);
  }
}

TEST(LogBound, ManyNoisyStepsHaveLess) {
  LogBound bound(kLimits);
  const std::vector<std::string> noise(20, "xyz");
  for (int step = 1; step <= 3; ++step) EXPECT_EQ(kept(bound, step, noise).size(), 9u + 6 + 4);
  EXPECT_EQ(kept(bound, 4, {"a", "b", "c", "d", "e", "f"}), "ab|2|ef");
}

TEST(LogBound, EntriesCountThemselves) {
  LogBound bound({.head = 1000, .tail = 1000});
  std::size_t begin = 0;
  for (int i = 0; i < 1000; ++i) begin += bound.take(log(1, "x")) ? 1 : 0;
  EXPECT_LE(begin, 1000u / 64);
  EXPECT_LE(bound.rest().size(), 1 + 1000u / 64);
  EXPECT_TRUE(bound.rest().empty());
}

}  // namespace
}  // namespace lichen::history
