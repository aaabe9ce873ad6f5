#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/hint.h"
#include "base/path.h"
#include "base/result.h"
#include "base/rfc3339.h"
#include "base/stream.h"
#include "base/text.h"
#include "base/url.h"

namespace lichen {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::kInvalid, "odd");
  return value / 2;
}
Result<std::string> quarter(int value) {
  return std::to_string(TRY(half(TRY(half(value)))));
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(12), "3");
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Result, ContextIsPrintedOutermostFirst) {
  Error inner{.code = Errc::kFailed, .message = "exit status 2"};
  const Error error = std::move(inner).in("RUN make").in("Dockerfile:7");
  EXPECT_EQ(to_text(error), "Dockerfile:7: RUN make: exit status 2");
}

TEST(Result, OsErrorNamesCallThingAndRemedy) {
  EXPECT_EQ(os_error(28 /* ENOSPC */, "write", "standard output").hint, "");
  const Error error = os_error(28 /* ENOSPC */, "write", "/x");
  EXPECT_EQ(error.message, "write /x: No space left on device");
  EXPECT_EQ(error.code, Errc::kNoSpace);
  EXPECT_NE(error.hint, "");
}

TEST(Digest, KnownValueAndParse) {
  const Digest empty = sha256("");
  EXPECT_EQ(empty.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(*Digest::parse(empty.text()), empty);
  EXPECT_FALSE(Digest::parse("sha256:ABC"));
  EXPECT_FALSE(Digest::parse("sha256:../../etc/passwd"));
  EXPECT_EQ(Digest::parse("sha512:00").error().code, Errc::kUnsupported);
}

TEST(Digest, FieldsDoNotRunTogether) {
  EXPECT_NE(Hasher().field("ab").field("c").finish(), Hasher().field("a").field("bc").finish());
}

TEST(Stream, HashingSinkSeesEveryByte) {
  StringSink out;
  HashingSink hashing(&out);
  StringSource in("hello");
  EXPECT_EQ(*copy(in, hashing), 5u);
  ASSERT_TRUE(hashing.close());
  EXPECT_EQ(hashing.digest(), sha256("hello"));
  EXPECT_EQ(out.bytes(), "hello");
}

TEST(Stream, ReadAllIsBounded) {
  StringSource in("hello");
  EXPECT_FALSE(read_all(in, 4));
}

TEST(Text, CleanPath) {
  const struct {
    const char *path, *base, *want;
  } rows[] = {{"/a//b/../c/.", "/", "/a/c"},
              {"../..", "/x", "/"},
              {"b", "/a", "/a/b"},
              {"", "/a/", "/a"},
              {"/", "/", "/"}};
  for (const auto& row : rows) EXPECT_EQ(clean_path(row.path, row.base), row.want) << row.path;
}

TEST(Path, IsSplitAndJoined) {
  EXPECT_EQ(beneath("a/b", "c"), "a/b/c");
  EXPECT_EQ(beneath("", "c"), "c");
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("c"), "");
  EXPECT_EQ(name_of("a/b/c"), "c");
  EXPECT_EQ(name_of("c"), "c");
}

TEST(Url, NamesAreHarmless) {
  EXPECT_EQ(file_name_in_url("https://host/a/b.txt?x#y"), "b.txt");
  EXPECT_EQ(file_name_in_url("https://host/a%20b%zz"), "a b%zz");
  EXPECT_EQ(file_name_in_url("https://host/a%2fb"), "b");
  for (const char* nameless :
       {"https://host", "https://host/", "https://host/..", "https://host/?a/b",
        "https://host/%2e%2e", "https://host/a%00b", "https://host/a%0ab"})
    EXPECT_EQ(file_name_in_url(nameless), "__unnamed__") << nameless;
  EXPECT_EQ(file_name_in("..\\..\\x"), "x");
}

TEST(Url, ShowsNoCredentials) {
  EXPECT_EQ(without_credentials("see https://u:p@q@h/x@y, ssh://g@h ssh://g:p@h 'http://a/@'"),
            "see https://h/x@y, ssh://g@h ssh://h 'http://a/@'");
  EXPECT_EQ(credentials_in("https://u:p%40@h/x@y"), "u:p@");
  EXPECT_EQ(credentials_in("https://h/x@y"), "");
}

TEST(Text, PrintableStopsTerminalControl) {
  EXPECT_EQ(printable("a\tb"), "a\tb");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable("\x1b[31mred\x1b]0;t\x07", true), "\x1b[31mred\\x1b]0;t\\x07");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(printable("\xc3\xa9"), "\xc3\xa9");
}

TEST(Text, ClosestSuggestsOnlyNearWords) {
  EXPECT_EQ(closest("RNU", {"RUN", "COPY"}), "RUN");
  EXPECT_EQ(closest("FOOBAR", {"RUN", "COPY"}), "");
}

TEST(Hint, IsForNearMissesAlone) {
  const std::vector<std::string> words = {"push", "root", "build", "builds", "du", "username"};
  const struct {
    const char *word, *meant;
  } rows[] = {{"ps", ""},
              {"foo", ""},
              {"biuld", "build"},
              {"BUILD", "build"},
              {"buidls", "builds"},
              {"rot", "root"},
              {"di", "du"},
              {"x", ""},
              {"usrnaem", "username"},
              {"", ""}};
  for (const auto& row : rows) EXPECT_EQ(near_miss(row.word, words), row.meant) << row.word;
  EXPECT_EQ(near_miss(std::string(1000, 'x'), words), "");
  EXPECT_EQ(hint_for("gzpi", {"gzip", "zstd"}), "did you mean gzip?");
  EXPECT_EQ(hint_for("lz4", {"gzip", "zstd"}), "gzip or zstd");
}

TEST(Text, Rfc3339) {
  EXPECT_EQ(to_rfc3339(1700000000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(to_rfc3339(0, 5), "1970-01-01T00:00:00.000000005Z");
  for (const char* text : {"0000-01-01T00:00:00Z", "0604-11-24T16:07:11Z", "9999-12-31T23:59:59Z"})
    EXPECT_EQ(to_rfc3339(*parse_rfc3339(text)), text);
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("9999-12-31T23:59:59-01:00")), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace lichen
