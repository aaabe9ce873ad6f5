// What the two ways to run a RunJob share: run.cc with namespaces, bare_run.cc without. Private to
// module container.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "container/run.h"
#include "container/user.h"
#include "os/child.h"

namespace lichen::container {

// job.env with what every step has: PATH, HOSTNAME, HOME, and TERM on a terminal.
std::vector<std::string> environment_of(const RunJob& job, const User& user);

// Whether the kernel has killed for lack of memory since this was made, on the whole machine.
class MemoryWatch {
 public:
  MemoryWatch();
  bool saw_kill() const;

 private:
  std::uint64_t before_;
};

// All but the sidecar.
RunOutcome outcome_of(const os::WaitStatus& status, const MemoryWatch& memory);

Result<RunOutcome> run_bare(const RunJob& job, sandbox::Stdio stdio);

}  // namespace lichen::container
