// --cache-from and --cache-to as data. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace lichen::build {

enum class CacheKind { kRegistry, kLocal, kInline };

// Where a cache is that was exported.
struct CacheSource {
  CacheKind kind = CacheKind::kRegistry;  // not kInline: that is an image in a registry
  std::string place;                      // reference, or directory
  std::string tag;                        // kLocal: a tag or a digest; "": latest
};

struct CacheTarget {
  CacheKind kind = CacheKind::kRegistry;
  std::string place, tag;       // kInline: none
  bool all_steps = false;       // mode=max: also of what no layer of the image comes from
  bool image_manifest = true;   // else an index of blobs
  bool oci_media_types = true;  // else docker's; only of an index
  bool ignore_error = false;
  // Of layers that this build makes; "": as the image has them.
  std::string compression, compression_level;
  bool force_compression = false;  // of all layers
};

// "type=registry,ref=REF", "type=local,src=DIR", or a reference.
Result<CacheSource> parse_cache_source(const std::string& text);
// "type=registry,ref=REF[,…]", "type=local,dest=DIR[,…]", "type=inline", or a reference.
Result<CacheTarget> parse_cache_target(const std::string& text);

}  // namespace lichen::build
