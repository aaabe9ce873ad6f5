// Removes from a store what is not needed: all of it, or so much that limits are kept.
//
//   const Pruned pruned = TRY(prune(store, {.limits = {.max_used = 10 << 30}}, measure));
//   … remove pruned.garbage as root of the user namespace …
//
// What comes first was used least recently. What a session that lives has found or made stays, and
// so does what it stands on: several processes may build and prune at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/usage.h"

namespace lichen::store {

class Session;

struct Limits {                // bytes; 0: none
  std::uint64_t max_used = 0;  // the store takes no more
  std::uint64_t min_free = 0;  // the file system has so much free
  std::uint64_t reserved = 0;  // so much may stay whatever the others say
  bool any() const { return max_used != 0 || min_free != 0 || reserved != 0; }
};

struct PruneRequest {
  enum class Scope {
    kOrphans,  // what nothing will find again
    // And what no image with a name was made of. With limits, also what such an image was made of,
    // but for its blobs.
    kCache,
    kAll,  // and images
  };
  Scope scope = Scope::kCache;
  Limits limits;                       // none: everything in `scope`
  std::optional<std::int64_t> before;  // only what was last used before
  std::set<UsageKind> kinds;           // only these; empty: all
  std::set<std::string> keep;          // images, by name
};

struct Pruned {
  std::vector<UsageEntry> removed;
  std::uint64_t bytes = 0;           // that are free when `garbage` is gone
  std::uint64_t left = 0;            // what the store takes then
  std::vector<std::string> garbage;  // to be removed by the caller
};

// How much must go from a store of `used` bytes.
std::uint64_t excess(const Limits& limits, std::uint64_t used, std::uint64_t free);
// What may go, in the order in which it should. Points into `usage`.
std::vector<const UsageEntry*> candidates(const Usage& usage, const PruneRequest& request);

Result<Pruned> prune(Store& store, const PruneRequest& request, const Measure& measure);

// What failed steps left, but for what somebody uses: the one of this session, for one.
Result<Pruned> prune_failed(Store& store);

// Everything, when nobody has the store open: works without its database, so also when that is
// damaged, or the disk full. nullopt: somebody has, or there is no store. `session` keeps others
// from removing the same, until it is destroyed.
struct Wiped {
  std::vector<std::string> garbage;  // to be removed by the caller
  std::shared_ptr<Session> session;
};
Result<std::optional<Wiped>> wipe(const std::string& path);

}  // namespace lichen::store
