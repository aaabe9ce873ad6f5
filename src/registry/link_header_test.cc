#include "registry/link_header.h"

#include <gtest/gtest.h>

#include "registry/http_date.h"

namespace lichen::registry {
namespace {

TEST(LinkHeader, FindsTheNextPage) {
  const struct {
    const char *link, *want;
  } rows[] = {
      {"", ""},
      {"</v2/x/tags/list?last=b>; rel=\"next\"", "/v2/x/tags/list?last=b"},
      {"<a>; rel=next", "a"},
      {"<a>; Rel=\"Next\"", "a"},
      {"<a>; rel=\"prev\", <b>; rel=\"next\"", "b"},
      {"<a>; rel=\"next\", <b>; rel=\"prev\"", "a"},
      {"<a>; rel=\"prev\"", ""},
      {"<a", ""},
      {"a>; rel=next", ""},
      {"<>; rel=next", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(next_page(row.link), row.want) << row.link;
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("7", 0), 7);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50), 10);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 100), 0);
  for (const char* text : {"", "-1", "1.5", "9999999999", "soon", "7 "})
    EXPECT_EQ(parse_retry_after(text, 0), -1) << text;
}

}  // namespace
}  // namespace lichen::registry
