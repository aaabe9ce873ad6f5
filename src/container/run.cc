#include "container/run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/text.h"
#include "container/bare_run.h"
#include "container/cancellation.h"
#include "container/emulator.h"
#include "container/merged.h"
#include "container/scripts.h"
#include "container/stubs.h"
#include "container/user.h"
#include "container/volumes.h"
#include "emulate/calls.h"
#include "emulate/supervisor.h"
#include "os/file.h"
#include "owners/record.h"
#include "sandbox/namespace.h"
#include "sandbox/plan.h"

namespace lichen::container {

namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool has_key(const std::vector<std::string>& env, const std::string& key) {
  for (const std::string& entry : env)
    if (starts_with(entry, key + "=")) return true;
  return false;
}

void add_default(std::vector<std::string>& env, const std::string& key, const std::string& value) {
  if (!has_key(env, key)) env.push_back(key + "=" + value);
}

// How often the kernel has killed for lack of memory, on the whole machine.
std::uint64_t oom_kills() {
  const auto text = os::find_file("/proc/vmstat");
  if (!text || !*text) return 0;
  const std::size_t at = (*text)->find("oom_kill ");
  return at == std::string::npos ? 0 : std::strtoull((*text)->c_str() + at + 9, nullptr, 10);
}

emulate::Profile profile_for(Tier tier) {
  return tier == Tier::kIds ? emulate::Profile::kDevices : emulate::Profile::kFull;
}

std::vector<sandbox::NotifyRule> notify_rules(emulate::Profile profile,
                                              const emulate::Needs& needs) {
  using Match = sandbox::NotifyRule::Match;
  static_assert(static_cast<int>(Match::kMaskAny) ==
                static_cast<int>(emulate::NotifiedCall::Match::kMaskAny));
  static_assert(static_cast<int>(Match::kAtLeast) ==
                static_cast<int>(emulate::NotifiedCall::Match::kAtLeast));
  std::vector<sandbox::NotifyRule> rules;
  for (const emulate::NotifiedCall& call : emulate::notified_calls(profile, needs))
    rules.push_back({.nr = call.nr,
                     .match = static_cast<Match>(call.match),
                     .arg = call.arg,
                     .mask = call.mask,
                     .value = call.value});
  return rules;
}

// Of the user namespace that we are in.
Result<std::uint32_t> map_size() {
  const auto uids = TRY(os::find_file("/proc/self/uid_map"));
  const auto gids = TRY(os::find_file("/proc/self/gid_map"));
  return emulate::map_size_of(uids.value_or(""), gids.value_or(""));
}

sandbox::Plan make_plan(const RunJob& job, const User& user, const emulate::Needs& needs,
                        const Volumes& volumes) {
  sandbox::Plan plan{.rootfs = job.overlay.target,
                     .argv = job.argv,
                     .env = environment_of(job, user),
                     .cwd = job.cwd,
                     .hostname = job.hostname,
                     .own_network = job.own_network,
                     .join_network = !job.network.program.empty(),
                     .own_pid = sandbox::can_have_proc(),
                     .terminal = job.terminal,
                     .uid = user.uid,
                     .gid = user.gid,
                     .groups = user.groups,
                     .set_ids = job.tier == Tier::kIds,
                     .limits = job.limits,
                     .notify = notify_rules(profile_for(job.tier), needs),
                     .privileged = job.privileged};
  sandbox::add_standard_mounts(plan);
  for (const auto& [file, target] :
       {std::pair(job.resolv_conf, "/etc/resolv.conf"), std::pair(job.hosts, "/etc/hosts"),
        std::pair(job.hostname_file, "/etc/hostname")})
    if (!file.empty())
      plan.steps.push_back(sandbox::Bind{.source = file, .target = target, .read_only = true});
  plan.steps.insert(plan.steps.end(), volumes.steps().begin(), volumes.steps().end());
  return plan;
}

Result<owners::Owners> load(const std::vector<std::string>& sidecars) {
  owners::Owners all;
  for (const std::string& path : sidecars)
    if (const auto bytes = TRY(os::find_file(path))) all.apply(TRY(owners::parse_sidecar(*bytes)));
  return all;
}

}  // namespace

Result<void> enter_worker() {
  ::prctl(PR_SET_DUMPABLE, 0);
  return sandbox::own_mounts();
}

Result<void> mount(const Overlay& overlay) {
  return sandbox::mount_overlay(overlay.lower, overlay.upper, overlay.work, overlay.target);
}

std::vector<std::string> environment_of(const RunJob& job, const User& user) {
  std::vector<std::string> env = job.env;
  add_default(env, "PATH", kDefaultPath);
  add_default(env, "HOSTNAME", job.hostname);
  add_default(env, "HOME", user.home);
  if (job.terminal) add_default(env, "TERM", "xterm");
  return env;
}

MemoryWatch::MemoryWatch() : before_(oom_kills()) {}

bool MemoryWatch::saw_kill() const {
  return oom_kills() > before_;
}

RunOutcome outcome_of(const os::WaitStatus& status, const MemoryWatch& memory) {
  RunOutcome outcome;
  if (const auto* exited = std::get_if<os::Exited>(&status)) outcome.exit_code = exited->code;
  if (const auto* signaled = std::get_if<os::Signaled>(&status)) outcome.signal = signaled->signal;
  // A shell reports its child's SIGKILL as 137.
  outcome.out_of_memory =
      (outcome.signal == SIGKILL || outcome.exit_code == 128 + SIGKILL) && memory.saw_kill();
  return outcome;
}

Result<RunOutcome> run(const RunJob& job, sandbox::Stdio stdio) {
  if (job.tier == Tier::kBare) return run_bare(job, std::move(stdio));
  const os::UniqueFd host_mounts = TRY(os::open("/proc/self/ns/mnt", O_RDONLY));
  TRY(enter_worker());
  std::optional<ForeignPrograms> foreign;  // until the step has ended
  if (!job.architecture.empty()) foreign = TRY(ForeignPrograms::enable(job.architecture));
  std::optional<NetworkHelper> network;  // before the overlay, which it would keep mounted
  if (!job.network.program.empty()) network = TRY(NetworkHelper::start(job.network));
  const Merged merged = TRY(Merged::make(job.overlay));
  const os::UniqueFd root = TRY(os::open(job.overlay.target, O_RDONLY | O_DIRECTORY));
  const User user = TRY(find_user(root, job.user));
  (void)TRY(os::mkdirs_beneath(root, job.cwd, 0755));
  owners::Owners below = TRY(load(job.sidecars));
  const owners::Owners harvested = merged.is_copy() ? below : owners::Owners();
  const emulate::Profile profile = profile_for(job.tier);
  emulate::Needs needs{.map_size = TRY(map_size())};
  std::vector<std::string> texts = scripts_of(root, job.cwd, job.argv);
  texts.insert(texts.end(), job.argv.begin(), job.argv.end());
  needs.devices = emulate::shows_devices(profile, below, needs.map_size, texts);
  needs.reads = user.uid != 0 || emulate::becomes_users(texts);
  Volumes volumes = TRY(Volumes::prepare(job, root));
  const sandbox::Plan plan = make_plan(job, user, needs, volumes);

  // Opened now: after launch() nothing of the host is reachable by path.
  emulate::Options emulation{.profile = profile,
                             .map_size = needs.map_size,
                             .proc = TRY(os::open("/proc", O_PATH | O_DIRECTORY)),
                             .root = TRY(os::duplicate(root)),
                             .upper = TRY(os::open(job.overlay.upper, O_PATH | O_DIRECTORY)),
                             .root_is_copy = merged.is_copy(),
                             .owners = std::move(below),
                             .others = volumes.take_trees(),
                             .uid = user.uid,
                             .gid = user.gid,
                             .groups = user.groups};
  const os::UniqueFd upper = TRY(os::duplicate(emulation.upper));
  std::vector<std::string> targets{"/etc/hosts"};
  for (const Volume& volume : job.volumes) targets.push_back(volume.target);
  CopiedUpDirectories copied_up(root, upper, targets);
  const MemoryWatch memory;

  sandbox::Running running = TRY(sandbox::launch(plan, std::move(stdio)));
  std::optional<emulate::Supervisor> supervisor;
  if (running.listener.valid())
    supervisor = TRY(emulate::Supervisor::start(std::move(running.listener), std::move(emulation)));
  worker_cancellation().covers(running.init.pid(), running.end_signal());
  worker_cancellation().passes_to(std::move(running.command));
  copied_up.settle();
  TRY(running.start());
  const os::WaitStatus status = TRY(running.wait());
  // From here no process of the step runs.
  if (worker_cancellation().is_asked()) return fail(Errc::kCancelled, "cancelled");

  RunOutcome outcome = outcome_of(status, memory);
  copied_up.forget_changed();
  remove_stubs(root, running.created);
  if (merged.is_copy())
    TRY(sandbox::enter_mounts(host_mounts));  // it is found by paths of the host
  if (job.keeps && merged.is_copy()) TRY(merged.harvest(harvested));
  owners::Sidecar sidecar;
  if (job.keeps && supervisor) {
    sidecar = TRY(supervisor->finish());
    outcome.sidecar = owners::to_bytes(sidecar);
    outcome.cache_records = TRY(volumes.cache_records(*supervisor));
  }
  copied_up.prune(sidecar);
  volumes.remove();
  merged.remove();
  return outcome;
}

}  // namespace lichen::container
