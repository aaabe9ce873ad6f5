#include "oci/cache_config.h"

#include <gtest/gtest.h>

namespace lichen::oci {
namespace {

const Digest kA = sha256("a"), kB = sha256("b"), kC = sha256("c");

std::string quoted(const Digest& digest) {
  return "\"" + digest.text() + "\"";
}

TEST(CacheConfig, IsWrittenAndReadAgain) {
  CacheConfig config;
  config.layers = {
      {.blob = kB, .parent = 1, .diff_id = kC, .created = 60}, {.blob = kA}, {.blob = kC}};
  config.records = {{.key = kC, .trees = {{1, 0}}, .inputs = {{1}, {}}},
                    {.key = kA, .trees = {{1}}},
                    {.key = kB, .trees = {{1, 2}}}};
  const std::string json = to_json(config);
  const auto read = parse_cache_config(json);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(to_json(*read), json);
  // The order in which things were added is not seen.
  std::swap(config.records[1], config.records[2]);
  config.records[0].inputs = {{2}, {}};
  EXPECT_EQ(to_json(config), json);

  const auto find = [&](const Digest& key) -> const CacheRecord& {
    for (const CacheRecord& record : read->records)
      if (record.key == key) return record;
    ADD_FAILURE();
    return read->records.front();
  };
  const auto blobs = [&](const CacheRecord& record) {
    std::vector<Digest> all;
    for (const std::size_t layer : record.trees.at(0)) all.push_back(read->layers[layer].blob);
    return all;
  };
  EXPECT_EQ(blobs(find(kC)), (std::vector{kA, kB}));
  EXPECT_EQ(blobs(find(kA)), (std::vector{kA}));
  EXPECT_EQ(blobs(find(kB)), (std::vector{kA, kC}));  // as a chain: C stands on nothing
  ASSERT_EQ(find(kC).inputs.size(), 2u);
  EXPECT_EQ(read->records[find(kC).inputs[0].at(0)].key, kA);
  const CacheLayer& top = read->layers[find(kC).trees[0].back()];
  EXPECT_EQ(top.created, 60);
  EXPECT_EQ(top.diff_id, kC);
}

TEST(CacheConfig, ReadsGosZeros) {
  const auto config = parse_cache_config(
      R"({"layers":[{"blob":)" + quoted(kA) + R"(,"parent":-1},{"blob":)" + quoted(kB) +
      R"(}],"records":[{"digest":)" + quoted(kC) +
      R"(,"layers":[{"layer":1,"createdAt":"0001-01-01T00:00:00Z"}],"inputs":null}]})");
  ASSERT_TRUE(config) << to_text(config.error());
  EXPECT_EQ(config->records.at(0).trees.at(0), (std::vector<std::size_t>{0, 1}));
}

TEST(CacheConfig, RefusesWhatLeadsNowhere) {
  const std::string a = quoted(kA);
  const std::string rows[] = {
      "",
      "[]",
      "{\"layers\":{}}",
      R"({"layers":[{"blob":)" + a + R"(}]})",             // its own parent
      R"({"layers":[{"blob":)" + a + R"(,"parent":1}]})",  // there is no 1
      R"({"layers":[{"blob":"x","parent":-1}]})",
      R"({"layers":[{"blob":)" + a + R"(,"parent":1},{"blob":)" + a + R"(,"parent":0}]})",
      R"({"records":[{"digest":)" + a + R"(,"layers":[{"layer":0}]}]})",
      R"({"records":[{"digest":)" + a + R"(,"chains":[{"layers":[0]}]}]})",
      R"({"records":[{"digest":)" + a + R"(,"inputs":[[{"link":0}]]}]})",
      R"({"records":[{"digest":)" + a + R"(,"inputs":[[{"link":1}]]},{"digest":)" + a +
          R"(,"inputs":[[{"link":0}]]}]})",
      R"({"records":[{"digest":)" + a + R"(,"inputs":[[{"link":-1}]]}]})",
      R"({"records":[{}]})",
  };
  for (const std::string& row : rows) EXPECT_FALSE(parse_cache_config(row)) << row;
  // Few bytes that would unfold to many.
  std::string layers, chain, records;
  for (int i = 0; i < 900; ++i) {
    layers += std::string(i == 0 ? "" : ",") + R"({"blob":)" + a + R"(,"parent":)" +
              std::to_string(i - 1) + "}";
  }
  for (int i = 0; i < 20000; ++i)
    records +=
        std::string(i == 0 ? "" : ",") + R"({"digest":)" + a + R"(,"layers":[{"layer":899}]})";
  EXPECT_FALSE(parse_cache_config("{\"layers\":[" + layers + "],\"records\":[" + records + "]}"));
}

TEST(CacheConfig, InlineHasTheImagesLayers) {
  CacheConfig config;
  config.layers = {{.parent = std::nullopt}, {.parent = 0}};
  config.records = {{.key = kA, .trees = {{0, 1}}}, {.key = kB, .trees = {{1}}}};
  const auto read = parse_inline_cache(inline_json(config), 2);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(read->records.at(0).trees.at(0), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(read->records.at(1).trees.at(0), (std::vector<std::size_t>{1}));
  EXPECT_FALSE(parse_inline_cache(inline_json(config), 1));
  EXPECT_FALSE(parse_inline_cache("{}", 1));
}

TEST(CacheConfig, TextMembersComeAndGo) {
  EXPECT_EQ(with_text_member("", "x", "1"), R"({"x":"1"})");
  EXPECT_EQ(with_text_member(R"({"a":2,"x":"0"})", "x", "1"), R"({"a":2,"x":"1"})");
  EXPECT_EQ(with_text_member(R"({"x":"0"})", "x", std::nullopt), "");
  EXPECT_EQ(find_text_member(R"({"x":"0"})", "x"), "0");
  EXPECT_EQ(find_text_member("{}", "x"), std::nullopt);
  EXPECT_FALSE(find_text_member("[]", "x"));
  EXPECT_FALSE(find_text_member(R"({"x":0})", "x"));
}

}  // namespace
}  // namespace lichen::oci
