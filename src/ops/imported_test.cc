#include "ops/imported.h"

#include <gtest/gtest.h>

namespace lichen::ops {
namespace {

ImportedCache::MakeTree tree_of(const std::vector<std::string>& names) {
  return [names]() -> Result<RemoteTree> {
    RemoteTree tree;
    for (const std::string& name : names) {
      const Digest below = tree.empty() ? Digest() : tree.back().layer.chain;
      tree.push_back({.layer = {.chain = oci::chain_id(below, sha256(name)),
                                .diff_id = sha256(name),
                                .blob = sha256("blob " + name)}});
    }
    return tree;
  };
}

TEST(ImportedCache, OneTreeIsOneResultUnderAllItsKeys) {
  ImportedCache cache;
  EXPECT_TRUE(cache.empty());
  cache.add(sha256("k1"), tree_of({"a", "b"}));
  cache.add(sha256("k2"), tree_of({"a", "b"}));
  cache.add(sha256("k3"), tree_of({"a"}));
  cache.add(sha256("k3"), tree_of({"other"}));  // the first one counts
  const auto one = cache.find(sha256("k1")), two = cache.find(sha256("k2")),
             three = cache.find(sha256("k3"));
  ASSERT_TRUE(one && two && three);
  EXPECT_TRUE(is_remote(one->result));
  EXPECT_EQ(one->result, two->result);
  EXPECT_NE(one->result, three->result);
  EXPECT_EQ(cache.tree(three->result).back().layer.diff_id, sha256("a"));
  EXPECT_EQ(cache.keys_of(one->result).size(), 2u);
  EXPECT_EQ(cache.find_snapshot(one->result), std::nullopt);
  EXPECT_FALSE(cache.find(sha256("k4")));
  cache.clear();
  EXPECT_FALSE(cache.find(sha256("k1")));
  EXPECT_EQ(cache.tree(one->result).size(), 2u);  // what was found is still told of
}

TEST(ImportedCache, WhatContradictsItselfIsNotThere) {
  ImportedCache cache;
  cache.add(sha256("bad"),
            []() -> Result<RemoteTree> { return fail(Errc::kCorrupt, "no such layer"); });
  cache.add(sha256("none"), tree_of({}));
  EXPECT_FALSE(cache.find(sha256("bad")));
  EXPECT_FALSE(cache.find(sha256("none")));
  EXPECT_FALSE(cache.failure());
}

}  // namespace
}  // namespace lichen::ops
