// The volumes of a step at tiers with namespaces: what has to be mounted or made before the step's
// root is put together, in a worker.
//
//   Volumes volumes = TRY(Volumes::prepare(job, root));
//   … plan.steps += volumes.steps(); emulation.others = volumes.take_trees(); the step runs …
//   TRY(volumes.cache_records(supervisor));
//   volumes.remove();
//
// Trees are mounted on a tmpfs that is the worker's own, and go with it. For one thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "container/run.h"
#include "emulate/supervisor.h"
#include "os/fd.h"
#include "sandbox/plan.h"

namespace lichen::container {

class Volumes {
 public:
  // `root`: the merged root, which is not hidden by anything yet.
  static Result<Volumes> prepare(const RunJob& job, const os::UniqueFd& root);

  const std::vector<sandbox::Step>& steps() const { return steps_; }
  std::vector<emulate::OtherTree> take_trees() { return std::move(trees_); }
  // After supervisor.finish(), for each kCache in order: the sidecar's bytes.
  Result<std::vector<std::string>> cache_records(const emulate::Supervisor& supervisor) const;
  // What is on disk and to be discarded. By descriptor: the host's paths may be out of sight.
  void remove() const;

 private:
  Result<void> add(const RunJob& job, const Volume& volume, const os::UniqueFd& root);
  Result<void> add_tree(const RunJob& job, const Volume& volume);
  Result<void> add_cache(const Volume& volume);
  Result<void> add_file(const RunJob& job, const Volume& volume);
  Result<void> add_socket(const RunJob& job, const Volume& volume);
  Result<std::string> new_place(const RunJob& job);
  void bind(const os::UniqueFd& source, const Volume& volume, bool read_only);

  std::vector<sandbox::Step> steps_;
  std::vector<emulate::OtherTree> trees_;
  std::vector<os::UniqueFd> open_;    // named by the steps through /proc/self/fd
  std::vector<os::UniqueFd> caches_;  // in order
  std::string place_;                 // the tmpfs; "": there is none yet
  std::size_t places_ = 0;
  os::UniqueFd work_;
};

// `selector` in `tree`, O_PATH; absent: kNotFound. kTree: symlinks stay inside; kCache: refused.
Result<os::UniqueFd> open_selected(const os::UniqueFd& tree, const Volume& volume);

}  // namespace lichen::container
