// The directories behind RUN --mount=type=cache, as things that can be listed, carried elsewhere
// and removed. Each opens the store, and starts a keeper: the caller must have one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/request.h"
#include "store/cache_mount.h"
#include "store/usage.h"

namespace lichen::build {

struct CacheMountInfo {
  store::CacheMountName name;
  std::string shown;  // what the Dockerfile calls it
  store::UsageEntry usage;
};
Result<std::vector<CacheMountInfo>> list_cache_mounts(const Environment& environment);

// `which` is a cache's id as the Dockerfile has it, of the tier that works here, or the beginning
// of CacheMountName::text().
//
// The content as a tar archive, with owners as steps see them. `path` "-": to `output_fd`.
Result<void> export_cache_mount(const Environment& environment, const std::string& which,
                                const std::string& path, int output_fd);
// Another content, out of such an archive, compressed or not; of a cache that there is not, too.
// The old one stays if the archive cannot be unpacked. `path` "-": from `input_fd`.
Result<void> import_cache_mount(const Environment& environment, const std::string& which,
                                const std::string& path, int input_fd);
// The bytes that are free now.
Result<std::uint64_t> remove_cache_mounts(const Environment& environment,
                                          const std::vector<std::string>& which);

class Session;
// Of the session's store: what was used least recently goes until they take no more. A sentence
// when they do.
Result<std::string> limit_cache_mounts(Session& session, std::uint64_t max_bytes);

}  // namespace lichen::build
