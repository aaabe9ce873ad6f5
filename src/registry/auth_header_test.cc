#include "registry/auth_header.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace lichen::registry {
namespace {

TEST(AuthHeader, Parse) {
  const struct {
    const char* header;
    std::vector<Challenge> want;
  } rows[] = {
      {"", {}},
      {",, ,", {}},
      {"Basic", {{"basic", {}}}},
      {"BASIC Realm=\"a b\"", {{"basic", {{"realm", "a b"}}}}},
      {R"(Bearer realm="https://a/t",service="s",scope="repository:x:pull,push")",
       {{"bearer",
         {{"realm", "https://a/t"}, {"service", "s"}, {"scope", "repository:x:pull,push"}}}}},
      {R"(Bearer realm = "r" , service=s)", {{"bearer", {{"realm", "r"}, {"service", "s"}}}}},
      {R"(Negotiate, Basic realm="x", Bearer realm="y")",
       {{"negotiate", {}}, {"basic", {{"realm", "x"}}}, {"bearer", {{"realm", "y"}}}}},
      {R"(Bearer realm="a\"b\\c")", {{"bearer", {{"realm", "a\"b\\c"}}}}},
      {R"(Bearer realm="first",realm="second")", {{"bearer", {{"realm", "first"}}}}},
      {R"(Bearer realm="never closed)", {{"bearer", {{"realm", "never closed"}}}}},
      {R"(Bearer realm="ends in \)", {{"bearer", {{"realm", "ends in \\"}}}}},
      {R"(Bearer realm=)", {{"bearer", {{"realm", ""}}}}},
      {R"(realm="lost")", {}},
      {R"("quoted" Basic)", {{"quoted", {}}, {"basic", {}}}},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_challenges(row.header), row.want) << row.header;
}

TEST(Base64, RoundTripAndRefusals) {
  const struct {
    std::string bytes, text;
  } rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
              {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {std::string("\0\xff\x7f", 3), "AP9/"}};
  for (const auto& row : rows) {
    EXPECT_EQ(base64_encode(row.bytes), row.text);
    EXPECT_EQ(base64_decode(row.text), row.bytes);
  }
  EXPECT_EQ(base64_decode("Zg"), "f");
  for (const char* bad : {"Z", "Zg=x", "Z g=", "Zm9v!"}) EXPECT_FALSE(base64_decode(bad)) << bad;
}

}  // namespace
}  // namespace lichen::registry
