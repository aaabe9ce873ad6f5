// A run at tier `bare`: the merged tree is made of directories and hard links, or of what an
// earlier step has left of one, the step runs in it without a namespace, and what it changed is
// moved into the layer directory.

#include "container/bare_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "bare/step.h"
#include "container/bare_volumes.h"
#include "container/cancellation.h"
#include "container/emulator.h"
#include "container/user.h"
#include "os/file.h"
#include "store/tree.h"
#include "store/workspace.h"

namespace lichen::container {

namespace {

// Of the step beside what the Dockerfile mounts.
RunJob with_files(RunJob job) {
  std::vector<Volume> files;
  for (const auto& [file, target] :
       {std::pair(job.resolv_conf, "/etc/resolv.conf"), std::pair(job.hosts, "/etc/hosts"),
        std::pair(job.hostname_file, "/etc/hostname")})
    if (!file.empty()) files.push_back({.source = file, .target = target, .read_only = true});
  job.volumes.insert(job.volumes.begin(), files.begin(), files.end());
  return job;
}

std::unordered_map<ino_t, struct ::timespec> fifos_of(const store::Workspace& space) {
  std::unordered_map<ino_t, struct ::timespec> fifos;
  for (const auto& [inode, copy] : space.copies)
    if (S_ISFIFO(copy.mode)) fifos[inode] = copy.modified;
  return fifos;
}

Result<std::vector<bare::Emulator>> emulators_for(const std::string& architecture) {
  std::vector<bare::Emulator> emulators;
  if (architecture.empty()) return emulators;
  const std::vector<Emulator> all = find_emulators();
  (void)TRY(choose_emulator(all, architecture));
  for (const Emulator& one : all) emulators.push_back({one.machine, one.program});
  return emulators;
}

// Its first process is the command, too.
void note_start(pid_t first) {
  worker_cancellation().covers(first, SIGKILL);
  worker_cancellation().passes_to(first);
}

}  // namespace

Result<RunOutcome> run_bare(const RunJob& given, sandbox::Stdio stdio) {
  const RunJob job = with_files(given);
  std::vector<bare::Emulator> emulators = TRY(emulators_for(job.architecture));
  LICHEN_ASSERT(!job.own_network);  // build has refused it
  const std::string &tree = job.overlay.target, scratch = job.overlay.work + "/scratch";
  for (const std::string& directory : {tree, scratch}) TRY(os::mkdirs(directory));
  store::Workspace space =
      TRY(store::materialize(job.overlay.lower, tree, store::Materialize::kLink));
  const owners::Owners below = TRY(store::load_owners(job.sidecars));
  const os::UniqueFd root = TRY(os::open(tree, O_RDONLY | O_DIRECTORY));
  const User user = TRY(find_user(root, job.user));
  (void)TRY(os::mkdirs_beneath(root, job.cwd, 0755));
  BareVolumes volumes = TRY(BareVolumes::prepare(job, space));

  bare::Options options{.root = tree,
                        .scratch = scratch,
                        .frozen = space.frozen,
                        .frozen_directories = space.frozen_directories,
                        .fifos = fifos_of(space),
                        .owners = below,
                        .volumes = {},
                        .argv = job.argv,
                        .env = environment_of(job, user),
                        .cwd = job.cwd,
                        .hostname = job.hostname,
                        .uid = user.uid,
                        .gid = user.gid,
                        .groups = user.groups,
                        .terminal = job.terminal,
                        .limits = job.limits,
                        .emulators = std::move(emulators),
                        .on_start = note_start};
  volumes.give(options);
  const MemoryWatch memory;
  const bare::Ended ended = TRY(bare::run(
      std::move(options),
      {.in = std::move(stdio.in), .out = std::move(stdio.out), .err = std::move(stdio.err)}));
  // From here no process of the step runs.
  if (worker_cancellation().is_asked()) return fail(Errc::kCancelled, "cancelled");

  RunOutcome outcome = outcome_of(ended.status, memory);
  volumes.remove_stubs(space);
  for (const ino_t fifo : ended.changed_fifos) space.copies.erase(fifo);
  if (job.keeps) {
    outcome.cache_records = TRY(volumes.cache_records(ended.record_of));
    outcome.sidecar = owners::to_bytes(TRY(store::harvest(
        space, job.overlay.lower, job.overlay.upper, below, ended.record_of, false)));
  }
  TRY(os::remove_tree(scratch));
  return outcome;
}

}  // namespace lichen::container
