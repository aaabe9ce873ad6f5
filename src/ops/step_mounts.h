// The mounts of a RUN, as what its worker is asked for: trees by their layers, caches with their
// locks, secrets with their bytes, sockets that lead to an ssh agent.
//
//   StepMounts mounts = TRY(StepMounts::make(services, exec, trees, …));
//   job.volumes = mounts.volumes();   … the step runs …
//   TRY(mounts.keep(outcome));
//
// What it holds (locks, sockets) ends with the value.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "container/run.h"
#include "graph/graph.h"
#include "ops/agent_forward.h"
#include "ops/runner.h"
#include "store/cache_mount.h"

namespace lichen::ops {

// What a mount reads: a directory of the host, or a snapshot (0: nothing).
struct MountSource {
  std::string directory;
  solver::ResultId snapshot = 0;
};

// Which caches were emptied by this build, as --no-cache has it: each once.
class EmptiedCaches {
 public:
  Result<void> empty(store::Store& store, JobClient& jobs, const store::CacheMountName& name,
                     const store::CacheMount::Cancelled& is_cancelled);

 private:
  std::mutex mutex_;
  std::vector<std::string> done_;
};

class StepMounts {
 public:
  // `sources`: by mount. `emptied`: with --no-cache, else nullptr.
  static Result<StepMounts> make(const Services& services, const graph::ExecOp& exec,
                                 const std::vector<MountSource>& sources, EmptiedCaches* emptied);

  const std::vector<container::Volume>& volumes() const { return volumes_; }
  const std::vector<std::pair<std::string, std::string>>& env() const { return env_; }
  // Whatever the step's outcome was: what it did in a cache is done.
  Result<void> keep(const container::RunOutcome& outcome);

 private:
  Result<void> add_bind(const Services& services, const graph::Mount& mount,
                        const MountSource& source);
  Result<void> add_secret(const Services& services, const graph::Mount& mount);
  Result<void> add_agent(const Services& services, const graph::Mount& mount);
  Result<void> open_caches(const Services& services, const graph::ExecOp& exec,
                           const std::vector<MountSource>& sources, EmptiedCaches* emptied);

  std::vector<container::Volume> volumes_;
  std::vector<std::pair<std::string, std::string>> env_;
  std::vector<std::unique_ptr<AgentForward>> agents_;
  std::vector<store::CacheMount> caches_;
};

}  // namespace lichen::ops
