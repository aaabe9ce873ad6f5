#include "build/cache_option.h"

#include <gtest/gtest.h>

namespace lichen::build {
namespace {

TEST(CacheOption, Sources) {
  const auto bare = parse_cache_source("example.org/app:cache");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->kind, CacheKind::kRegistry);
  EXPECT_EQ(bare->place, "example.org/app:cache");
  const auto registry = parse_cache_source("type=registry,ref=app");
  ASSERT_TRUE(registry);
  EXPECT_EQ(registry->place, "docker.io/library/app:latest");
  const auto local = parse_cache_source("type=local,src=dir,tag=x");
  ASSERT_TRUE(local);
  EXPECT_EQ(local->kind, CacheKind::kLocal);
  EXPECT_EQ(local->place, "dir");
  EXPECT_EQ(local->tag, "x");
}

TEST(CacheOption, Targets) {
  const auto target = parse_cache_target(
      "type=registry,\"ref=example.org/c\",mode=max,image-manifest=false,oci-mediatypes=false,"
      "ignore-error=true,compression=zstd,compression-level=3,force-compression=true");
  ASSERT_TRUE(target) << to_text(target.error());
  EXPECT_TRUE(target->all_steps && target->ignore_error && target->force_compression);
  EXPECT_FALSE(target->image_manifest || target->oci_media_types);
  EXPECT_EQ(target->compression, "zstd");
  const auto plain = parse_cache_target("type=local,dest=d");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->all_steps || plain->ignore_error);
  EXPECT_TRUE(plain->image_manifest && plain->oci_media_types);
  EXPECT_EQ(parse_cache_target("type=inline")->kind, CacheKind::kInline);
  EXPECT_EQ(parse_cache_target("example.org/c")->place, "example.org/c:latest");
}

TEST(CacheOption, Refusals) {
  const struct {
    const char* text;
    Errc code;
  } rows[] = {{"", Errc::kInvalid},
              {"type=registry", Errc::kInvalid},
              {"type=local", Errc::kInvalid},
              {"type=gha", Errc::kUnsupported},
              {"type=s3,bucket=b", Errc::kUnsupported},
              {"type=azblob", Errc::kUnsupported},
              {"type=registri,ref=x", Errc::kInvalid},
              {"mode=max,ref=x", Errc::kInvalid},
              {"type=registry,ref=BAD REF", Errc::kInvalid},
              {"type=registry,ref=x,colour=red", Errc::kUnsupported}};
  for (const auto& row : rows) {
    const auto source = parse_cache_source(row.text);
    ASSERT_FALSE(source) << row.text;
    EXPECT_EQ(source.error().code, row.code) << row.text;
    const auto target = parse_cache_target(row.text);
    ASSERT_FALSE(target) << row.text;
    EXPECT_EQ(target.error().code, row.code) << row.text;
  }
  EXPECT_FALSE(parse_cache_source("type=inline"));
  for (const char* text :
       {"type=registry,ref=x,mode=most", "type=inline,mode=max", "type=local,dest=d,tag",
        "type=local,dest=d,image-manifest=maybe", "type=local,dest=d,compression=lzma",
        "type=local,dest=d,compression-level=much",
        "type=local,dest=d,image-manifest=true,oci-mediatypes=false"})
    EXPECT_FALSE(parse_cache_target(text)) << text;
}

}  // namespace
}  // namespace lichen::build
