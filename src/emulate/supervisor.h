// Root emulation for one container at tier `userns` (and the few calls that tier `ids` needs).
//
// The step's seccomp filter (sandbox) sends root-like system calls to a listener; the Supervisor
// answers them from its model: credentials of each process, fake owners of files. It lives in the
// container's user and mount namespace (root = the container's root after pivot_root) but outside
// its pid namespace, with an O_PATH descriptor of the outer /proc.
//
//   Supervisor supervisor = TRY(Supervisor::start(std::move(listener), std::move(options)));
//   … wait for the container's init …
//   owners::Sidecar sidecar = TRY(supervisor.finish());
//
// Design: shared design emulation.md §7 (records keyed by device, inode and birth time; credential
// sets tagged in RLIMIT_RTTIME; NOTIF_ID_VALID after opening). Owner of its threads; start() and
// finish() belong to one thread. Kernel floor 5.11.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "emulate/calls.h"
#include "os/fd.h"
#include "owners/record.h"

namespace lichen::emulate {

// Another tree that the step sees, mounted somewhere in its root.
struct OtherTree {
  os::UniqueFd root;
  owners::Owners owners;
  bool is_overlay = false;
};

struct Options {
  Profile profile = Profile::kFull;
  std::uint32_t map_size = kUsualMapSize;  // as in the Needs of the step's filter
  os::UniqueFd proc;                       // O_PATH of the outer /proc
  // O_PATH|O_DIRECTORY of the container's merged root, and of the upper directory that this step
  // fills.
  os::UniqueFd root;
  os::UniqueFd upper;
  // The root is a directory, not an overlay: `upper` is filled after the step, before finish().
  bool root_is_copy = false;
  owners::Owners owners;  // of the chain below the step
  std::vector<OtherTree> others;
  // The identity that the step's first process starts with (USER).
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
  bool as_old_kernel = false;  // for tests: does without what came after Linux 5.11
};

class Supervisor {
 public:
  static Result<Supervisor> start(os::UniqueFd listener, Options options);
  Supervisor(Supervisor&&) noexcept;
  Supervisor& operator=(Supervisor&&) noexcept;
  ~Supervisor();  // ends the threads; what was recorded is dropped

  // After the container's last process has ended: ends the threads, walks the upper directory
  // (reading the merged tree, whose inode numbers the records have) and returns the layer's
  // sidecar.
  Result<owners::Sidecar> finish();
  // After that: the records of all files beneath a directory that the step had mounted.
  Result<owners::Sidecar> read_tree(const os::UniqueFd& directory) const;

 private:
  struct State;
  explicit Supervisor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lichen::emulate
