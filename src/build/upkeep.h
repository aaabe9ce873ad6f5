// What is done about a store besides building in it. Each opens it, and starts a keeper for what
// belongs to other ids: the caller must have one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "base/result.h"
#include "build/request.h"
#include "store/fsck.h"
#include "store/prune.h"
#include "store/usage.h"

namespace lichen::build {

struct DiskUsage {
  std::string root;  // of the store
  store::Usage usage;
};
Result<DiskUsage> disk_usage(const Environment& environment);

// What is removed is gone when it returns. Everything in scope kAll goes even where the store's
// database cannot be read.
Result<store::Pruned> prune(const Environment& environment, const store::PruneRequest& request);

struct StoreCheck {
  std::string root;
  store::Checked checked;
};
Result<StoreCheck> check_store(const Environment& environment, const store::FsckOptions& options);

class Session;

// --store-max, while a build goes on. Thread-safe.
class StoreLimit {
 public:
  // `max_bytes` 0: no limit. The session is borrowed.
  StoreLimit(Session& session, std::uint64_t max_bytes) : session_(session), max_(max_bytes) {}
  // A layer was written. What the build uses stays, and what cannot be removed now may be later.
  void layer_written();
  // The build is over, and uses nothing any more but what it made: `images` stay. A sentence when
  // the store still takes more.
  Result<std::string> finish(const std::set<std::string>& images);

 private:
  Session& session_;
  std::uint64_t max_;
  std::mutex mutex_;
};

}  // namespace lichen::build
