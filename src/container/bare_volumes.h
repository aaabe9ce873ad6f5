// The volumes of a step at tier `bare`, where nothing is mounted: trees are made of hard links as
// the root is, secrets are files in memory, and places are made in the tree for all of it to be
// seen at. As in volumes.h.
//
//   BareVolumes volumes = TRY(BareVolumes::prepare(job, space));   // space: the root's
//   … options.volumes = volumes.take(); volumes.add_frozen(options); the step runs …
//   TRY(volumes.cache_records(ended.record_of));
//   volumes.remove_stubs(space);
//
// What was made for the step goes with the value, or with the step's work directory.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "bare/step.h"
#include "base/result.h"
#include "container/run.h"
#include "os/fd.h"
#include "owners/record.h"
#include "store/workspace.h"

namespace lichen::container {

class BareVolumes {
 public:
  static Result<BareVolumes> prepare(const RunJob& job, store::Workspace& space);
  BareVolumes() = default;
  BareVolumes(BareVolumes&& other) noexcept;
  BareVolumes& operator=(BareVolumes&&) = delete;
  ~BareVolumes();

  void give(bare::Options& options);
  Result<std::vector<std::string>> cache_records(
      const std::function<owners::Record(const struct statx&)>& record_of) const;
  // The places that were made in the root, and the traces of their making.
  void remove_stubs(store::Workspace& space) const;

 private:
  struct Stub {
    os::UniqueFd parent;
    std::string name;
  };

  Result<void> add(const RunJob& job, const Volume& volume, store::Workspace& space);
  Result<bare::Volume> make(const RunJob& job, const Volume& volume);
  Result<bare::Volume> make_tree(const RunJob& job, const Volume& volume);
  Result<bare::Volume> make_cache(const Volume& volume);
  Result<bare::Volume> make_file(const RunJob& job, const Volume& volume);
  Result<std::string> new_directory(const RunJob& job);
  Result<std::string> place(const std::string& target, bool is_directory, store::Workspace& space);
  Result<void> make_stub(const os::UniqueFd& parent, const std::string& name, bool is_directory,
                         store::Workspace* space);

  std::vector<bare::Volume> volumes_;
  std::vector<store::Workspace> trees_;
  std::vector<std::string> caches_;
  std::vector<Stub> stubs_;  // in the root, parents first
  std::string root_;
  std::string memory_;  // a directory for secrets; "": none
  os::UniqueFd memory_lock_;
  std::size_t count_ = 0;
};

}  // namespace lichen::container
