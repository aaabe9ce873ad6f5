// What every build and run stands on: the keeper at the tier that works here, the open store, the
// registry client. Made in the right order: the keeper is forked first, while there is one thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "build/event.h"
#include "build/request.h"
#include "container/keeper.h"
#include "ops/job.h"
#include "registry/host_client.h"
#include "store/store.h"

namespace lichen::build {

class Session {
 public:
  // Tells the tier, and why not a higher one, as a Notice.
  static Result<std::unique_ptr<Session>> open(const Environment& environment,
                                               const EventSink& events);

  container::Tier tier() const { return tier_; }
  store::Store& store() { return *store_; }
  ops::JobClient& jobs() { return *jobs_; }
  registry::Client& registry() { return *registry_.client; }

 private:
  Session() = default;

  // Destroyed last to first: the keeper outlives who calls it.
  container::Tier tier_ = container::Tier::kIds;
  std::unique_ptr<container::Keeper> keeper_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ops::JobClient> jobs_;
  registry::HostClient registry_;
};

// Only the keeper, at the tier that `choice` allows: the highest that works. `why` tells what kept
// a higher one from it.
struct KeeperAtTier {
  std::unique_ptr<container::Keeper> keeper;
  container::Tier tier = container::Tier::kIds;
  std::string why;
};
Result<KeeperAtTier> start_keeper(TierChoice choice);

}  // namespace lichen::build
