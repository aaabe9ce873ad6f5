#include "registry/url.h"

#include <gtest/gtest.h>

namespace lichen::registry {
namespace {

TEST(Url, Parse) {
  const struct {
    const char *text, *want;
  } rows[] = {
      {"https://a.example", "https://a.example/"},
      {"HTTP://A.example:80/x?y#z", "http://a.example:80/x?y"},
      {"https://[::1]:5000/v2/", "https://[::1]:5000/v2/"},
      {"https://a?x=1", "https://a/?x=1"},
  };
  for (const auto& row : rows) EXPECT_EQ(to_text(*parse_url(row.text)), row.want) << row.text;
  for (const char* bad :
       {"", "a.example", "file:///etc/passwd", "ftp://a/", "https://", "https:///x",
        "https://u:p@a/", "https://a:/", "https://a:0/", "https://a:99999/", "https://a:x/",
        "https://a b/", "https://a/\r\nX: y", "https://[::1/x", "https://[zz]/"})
    EXPECT_FALSE(parse_url(bad)) << bad;
}

TEST(Url, ResolveLocation) {
  const Url base = *parse_url("https://r.example:1/v2/x/blobs/uploads/?q=1");
  const struct {
    const char *location, *want;
  } rows[] = {
      {"https://other/x", "https://other/x"},
      {"//other/x", "https://other/x"},
      {"/v2/x?state=a%2Fb", "https://r.example:1/v2/x?state=a%2Fb"},
      {"abc?d", "https://r.example:1/v2/x/blobs/uploads/abc?d"},
      {"../abc", "https://r.example:1/v2/x/blobs/abc"},
      {"/a/./b/../c/..", "https://r.example:1/a/"},
      {"../../../../../../etc", "https://r.example:1/etc"},
      {"?next=1", "https://r.example:1/v2/x/blobs/uploads/?next=1"},
      {"/a:b", "https://r.example:1/a:b"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(to_text(*resolve_location(base, row.location)), row.want) << row.location;
  for (const char* bad : {"", "file:///etc/passwd", "javascript:x", "/a b", "#x"})
    EXPECT_FALSE(resolve_location(base, bad)) << bad;
}

TEST(Url, OriginLoopbackAndQuery) {
  const Url a = *parse_url("https://a/x");
  EXPECT_TRUE(same_origin(a, *parse_url("https://a:443/y")));
  EXPECT_FALSE(same_origin(a, *parse_url("http://a/x")));
  EXPECT_FALSE(same_origin(a, *parse_url("https://a:444/x")));
  EXPECT_FALSE(same_origin(a, *parse_url("https://b/x")));
  for (const char* host : {"localhost", "127.0.0.1", "127.255.1.2", "[::1]"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"localhost.example", "127.0.0.1.example", "128.0.0.1", "127.0.0",
                           "127.0.0.256", "[::2]", "127.0.0.", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
  Url url = *parse_url("https://a/x");
  add_query(url, "a=1");
  add_query(url, "b=2");
  EXPECT_EQ(url.target, "/x?a=1&b=2");
  EXPECT_EQ(percent_encoded("a b/é"), "a%20b%2F%C3%A9");
  EXPECT_EQ(without_query(url), "https://a/x");
}

}  // namespace
}  // namespace lichen::registry
