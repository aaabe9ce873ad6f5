#include "cli/debug_text.h"

#include <gtest/gtest.h>

namespace lichen::cli {
namespace {

TEST(DebugText, ShowsHowFilesAreRead) {
  const std::string dockerfile = "FROM debian\n# why\nRUN [\"a\", \"b\"]\n";
  EXPECT_EQ(ast_text(dockerfile, false).value(), "(from \"debian\")\n(run \"a\" \"b\")\n");
  const std::string json = ast_text(dockerfile, true).value();
  for (const char* part : {"\"escape\": \"\\\\\"", "\"comments\"", "\"why\"", "\"json\": true"})
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  EXPECT_EQ(ast_text("FROM a\nENV x\n", false).error().context.front(), "line 2");
}

TEST(DebugText, ExpandsWords) {
  EXPECT_EQ(words_text("# none\nENV A=b c\n\n$A\"$A\"$X\n${\n"),
            "{\"input\":\"$A\\\"$A\\\"$X\",\"result\":\"b cb c\",\"words\":[\"b\",\"cb c\"],"
            "\"matched\":[\"A\"],\"unmatched\":[\"X\"]}\n"
            "{\"input\":\"${\",\"error\":\"failed to process \\\"${\\\": syntax error: missing "
            "'}'\"}\n");
}

TEST(DebugText, ShowsPatternsAndMatches) {
  EXPECT_EQ(ignore_text("a/*\n!a/b\n", {}).value(),
            "{\"pattern\":\"a/*\",\"match_type\":\"regexp\",\"regex\":\"^a/[^/]*$\"}\n"
            "{\"pattern\":\"!a/b\",\"match_type\":\"exact\",\"regex\":\"^a/b$\"}\n");
  EXPECT_EQ(ignore_text("a/*\n!a/b\n", {"a/c", "a/b"}).value(),
            "{\"path\":\"a/c\",\"match\":true}\n{\"path\":\"a/b\",\"match\":false}\n");
  EXPECT_FALSE(ignore_text("[\n", {}));
}

}  // namespace
}  // namespace lichen::cli
