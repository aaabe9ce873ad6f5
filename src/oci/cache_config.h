// The document of an exported build cache: which keys find which layers. BuildKit's form, of media
// type kCacheConfigType, or, in an image's config, its records alone
// (docs/formats/cache-export.md).
//
// What is read is a stranger's: every number in it leads to something that is there, neither
// parents nor inputs go in circles, and no chain of layers is longer than a stack can be. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::oci {

inline constexpr char kCacheConfigType[] = "application/vnd.buildkit.cacheconfig.v0";
// Of an image's config, whose value is a text: base64 of the records.
inline constexpr char kInlineCacheMember[] = "moby.buildkit.cache.v0";
inline constexpr std::size_t kMaxChain = 1000;  // layers of one tree

struct CacheLayer {
  Digest blob;
  std::optional<std::size_t> parent;  // the layer below: its number
  Digest diff_id;                     // empty: not said here
  std::int64_t created = 0;           // seconds since 1970; 0: not said
};

struct CacheRecord {
  Digest key;
  // A tree that the key finds: the numbers of its layers, the lowest first.
  std::vector<std::vector<std::size_t>> trees;
  // For each input the records that may stand for it: their numbers.
  std::vector<std::vector<std::size_t>> inputs;
};

struct CacheConfig {
  std::vector<CacheLayer> layers;
  std::vector<CacheRecord> records;
};

Result<CacheConfig> parse_cache_config(std::string_view json);
// Layers and records in an order of their own, so that equal caches are equal bytes.
std::string to_json(CacheConfig config);

// `layers`: how many the image has; each stands on the one before.
Result<CacheConfig> parse_inline_cache(std::string_view records_json, std::size_t layers);
// The records of `config`, whose layers are those of the image in their order.
std::string inline_json(const CacheConfig& config);

// The text member `name` of a JSON object, as it is; nullopt: it has none.
Result<std::optional<std::string>> find_text_member(std::string_view json, const char* name);
// The object `json` ("": an empty one) with that member, or, with nullopt, without.
Result<std::string> with_text_member(std::string_view json, const char* name,
                                     const std::optional<std::string>& value);

}  // namespace lichen::oci
