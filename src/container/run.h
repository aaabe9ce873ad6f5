// Runs one program on a snapshot: what a RUN instruction and `lichen run` share.
//
// A RunJob is data, made by the front; run() executes it in a keeper's worker: mounts the overlay,
// finds the user in the image's own passwd and group files, plans the sandbox, launches it, lets
// the supervisor answer the step's root-like calls, and waits. Everything that it mounted
// disappears with the worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "container/network.h"
#include "container/volume.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/host.h"
#include "os/limits.h"
#include "sandbox/launch.h"

namespace lichen::container {

using os::Tier;
using os::to_text;

// A merged view to mount: layers top first; `upper` and `work` empty: read-only.
struct Overlay {
  std::vector<std::string> lower;
  std::string upper, work, target;
};
template <class Wire>
void fields(Wire& wire, Overlay& overlay) {
  wire(overlay.lower, overlay.upper, overlay.work, overlay.target);
}
// First thing in a worker: a mount namespace of its own, and no peeking at its memory.
Result<void> enter_worker();
Result<void> mount(const Overlay& overlay);

struct RunJob {
  Tier tier = Tier::kIds;
  Overlay overlay;
  std::vector<std::string> sidecars;  // owners files of overlay.lower, bottom first
  std::vector<std::string> argv, env;
  std::string cwd = "/";
  std::string user;  // "", "name", "uid", "name:group", "uid:gid"
  std::string hostname;
  bool own_network = false;
  Network network;  // with own_network: connected by a helper, if it names one
  bool terminal = false;
  bool keeps = true;  // what it changes; else overlay.upper and the outcome's sidecar mean nothing
  std::string resolv_conf, hosts,
      hostname_file;  // files of the store that are bound over /etc's; empty: none
  std::vector<Volume> volumes;
  std::vector<os::ResourceLimit> limits;
  bool privileged = false;   // sandbox::Plan::privileged; not at tier bare
  std::string architecture;  // of its programs, when they need an emulator: Go's name
};
template <class Wire>
void fields(Wire& wire, RunJob& job) {
  wire(job.tier, job.overlay, job.sidecars, job.argv, job.env, job.cwd, job.user, job.hostname,
       job.own_network, job.network, job.terminal, job.keeps, job.resolv_conf, job.hosts,
       job.hostname_file, job.volumes, job.limits, job.privileged, job.architecture);
}

struct RunOutcome {
  int exit_code = 0;  // when `signal` is 0
  int signal = 0;
  bool out_of_memory = false;    // probably: the kernel's oom_kill count rose and SIGKILL ended it
  std::uint64_t peak_bytes = 0;  // the largest resident set of one process of the step
  std::string sidecar;           // owners::to_bytes of what the step did
  std::vector<std::string> cache_records;  // of each volume kCache, in order: a sidecar
};
template <class Wire>
void fields(Wire& wire, RunOutcome& outcome) {
  wire(outcome.exit_code, outcome.signal, outcome.out_of_memory, outcome.peak_bytes,
       outcome.sidecar, outcome.cache_records);
}

Result<RunOutcome> run(const RunJob& job, sandbox::Stdio stdio);

}  // namespace lichen::container
