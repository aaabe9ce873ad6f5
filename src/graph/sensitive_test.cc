#include "graph/sensitive.h"

#include <gtest/gtest.h>

namespace lichen::graph {
namespace {

TEST(Sensitive, GoesByTheWordsOfAName) {
  for (const char* name : {"TOKEN", "github_token", "DB_PASSWORD", "AUTH", "API_KEY"})
    EXPECT_TRUE(is_secret_name(name)) << name;
  for (const char* name : {"VERSION", "PUBLIC_KEY", "TOKEN_FILE", "KEYBOARD", ""})
    EXPECT_FALSE(is_secret_name(name)) << name;
}

TEST(Sensitive, TakesCredentialsOutOfUrls) {
  const struct {
    const char* text;
    const char* want;
  } rows[] = {
      {"curl https://u:p@h/x", "curl https://h/x"},
      {"a http://u@h b ftp://v:w@i:1/", "a http://h b ftp://i:1/"},
      {"https://h/a@b", "https://h/a@b"},
      {"https://u:p@ss@h", "https://h"},
      {"https://u:p@h?x=y@z", "https://h?x=y@z"},
      {"no url, a@b", "no url, a@b"},
      {"://", "://"},
      {"x://u@", "x://"},
  };
  for (const auto& row : rows) EXPECT_EQ(without_url_credentials(row.text), row.want) << row.text;
}

}  // namespace
}  // namespace lichen::graph
