#include "ops/step_mounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

using container::Volume;
using graph::MountKind;

constexpr char kOwnRoot[] = "/cache";  // in a cache whose root's mode or owner is given

store::CacheMountName name_of(const Services& services, const graph::Mount& mount,
                              const MountSource& source) {
  store::CacheMountName name{.tier = container::to_text(services.tier), .id = mount.id};
  if (mount.input) name.base = "from " + std::to_string(source.snapshot);
  if (mount.mode)
    name.base += " mode " + std::to_string(*mount.mode) + " owner " +
                 std::to_string(mount.uid.value_or(0)) + ":" +
                 std::to_string(mount.gid.value_or(0));
  return name;
}

// Makes the first content of a cache as a layer on nothing.
Result<std::string> fill(const Services& services, const graph::Mount& mount,
                         const MountSource& source, const std::string& directory) {
  if (!mount.input && !mount.mode) return std::string();
  store::Store& store = services.store;
  FileJob job{.tier = services.tier,
              .overlay = {.lower = {store.empty_path()},
                          .upper = directory,
                          .work = TRY(store.make_temporary_directory()),
                          .target = {}},
              .mounts = store.mount_path()};
  if (mount.input) {
    const Stack stack = TRY(stack_of(store, source.snapshot));
    job.inputs.push_back({.lower = stack.lower, .sidecars = stack.sidecars});
    job.actions.emplace_back(graph::Copy{.input = 0, .src = "/", .dest = "/"});
  }
  if (mount.mode)
    job.actions.emplace_back(graph::MakeDirectory{
        .path = kOwnRoot,
        .mode = *mount.mode,
        .owner =
            std::to_string(mount.uid.value_or(0)) + ":" + std::to_string(mount.gid.value_or(0))});
  auto reply = services.jobs.call<FileReply>(job);
  (void)services.jobs.remove({job.overlay.work});
  if (!reply) {
    (void)services.jobs.remove({directory});
    return fail(std::move(reply).error());
  }
  return std::move(reply->sidecar);
}

store::CacheMount::Sharing sharing_of(graph::Sharing sharing) {
  switch (sharing) {
    case graph::Sharing::kPrivate:
      return store::CacheMount::Sharing::kPrivate;
    case graph::Sharing::kLocked:
      return store::CacheMount::Sharing::kLocked;
    case graph::Sharing::kShared:
      break;
  }
  return store::CacheMount::Sharing::kShared;
}

// Where a directory of the host has `selector`; symlinks stay inside of it.
Result<std::string> path_in(const std::string& directory, const std::string& selector) {
  const os::UniqueFd top = TRY(os::open(directory, O_PATH | O_DIRECTORY));
  auto found = os::open_beneath(top, selector, O_PATH);
  if (!found && found.error().code == Errc::kNotFound)
    return fail(Errc::kNotFound, "\"" + printable(selector) + "\": not found");
  const os::UniqueFd there = TRY(std::move(found));
  return os::readlinkat(top, os::proc_path(there));  // an absolute path: `top` is as good as any
}

}  // namespace

Result<void> EmptiedCaches::empty(store::Store& store, JobClient& jobs,
                                  const store::CacheMountName& name,
                                  const store::CacheMount::Cancelled& is_cancelled) {
  std::lock_guard lock(mutex_);
  if (std::find(done_.begin(), done_.end(), name.text()) != done_.end()) return {};
  TRY(jobs.remove(TRY(store::CacheMount::reset(store, name, is_cancelled))));
  done_.push_back(name.text());
  return {};
}

Result<StepMounts> StepMounts::make(const Services& services, const graph::ExecOp& exec,
                                    const std::vector<MountSource>& sources,
                                    EmptiedCaches* emptied) {
  StepMounts mounts;
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    const graph::Mount& mount = exec.mounts[i];
    if (clean_path(mount.dest) == "/" && mount.output) continue;  // the root
    switch (mount.kind) {
      case MountKind::kBind:
        TRY(mounts.add_bind(services, mount, sources[i]));
        break;
      case MountKind::kTmpfs:
        mounts.volumes_.push_back(
            {.target = clean_path(mount.dest), .kind = Volume::Kind::kTmpfs, .bytes = mount.size});
        break;
      case MountKind::kSecret:
        TRY(mounts.add_secret(services, mount));
        break;
      case MountKind::kSsh:
        TRY(mounts.add_agent(services, mount));
        break;
      case MountKind::kCache:
        break;  // last: others may be waiting for them
    }
  }
  TRY(mounts.open_caches(services, exec, sources, emptied));
  // What is mounted beneath another comes after it.
  std::stable_sort(mounts.volumes_.begin(), mounts.volumes_.end(),
                   [](const Volume& a, const Volume& b) { return a.target < b.target; });
  return mounts;
}

Result<void> StepMounts::add_bind(const Services& services, const graph::Mount& mount,
                                  const MountSource& source) {
  Volume volume{.target = clean_path(mount.dest), .read_only = mount.readonly};
  if (!source.directory.empty()) {
    LICHEN_ASSERT(mount.readonly);
    volume.source = TRY(path_in(source.directory, mount.selector));
  } else {
    Stack stack = TRY(stack_of(services.store, source.snapshot));
    volume.kind = Volume::Kind::kTree;
    volume.selector = mount.selector;
    volume.lower = std::move(stack.lower);
    volume.sidecars = std::move(stack.sidecars);
  }
  volumes_.push_back(std::move(volume));
  return {};
}

Result<void> StepMounts::add_secret(const Services& services, const graph::Mount& mount) {
  const auto secret = services.secrets.find(mount.id);
  if (secret == services.secrets.end()) {
    if (!mount.required) return {};
    return fail(Errc::kNotFound, "secret " + printable(mount.id) + ": not found",
                "give it with --secret id=" + printable(mount.id) + ",src=FILE or ,env=VARIABLE");
  }
  if (!mount.env.empty()) env_.emplace_back(mount.env, secret->second);
  if (mount.dest.empty()) return {};
  volumes_.push_back({.target = clean_path(mount.dest),
                      .read_only = true,
                      .kind = Volume::Kind::kFile,
                      .content = secret->second,
                      .mode = mount.mode.value_or(0400),
                      .uid = mount.uid.value_or(0),
                      .gid = mount.gid.value_or(0)});
  return {};
}

Result<void> StepMounts::add_agent(const Services& services, const graph::Mount& mount) {
  const auto agent = services.agents.find(mount.id);
  if (agent == services.agents.end()) {
    if (!mount.required) return {};
    return fail(Errc::kNotFound,
                "no SSH key \"" + printable(mount.id) + "\" forwarded from the client",
                "give an agent with --ssh " + printable(mount.id));
  }
  agents_.push_back(
      TRY(AgentForward::start(agent->second, TRY(services.store.make_temporary_directory()))));
  if (agents_.size() == 1) env_.emplace_back("SSH_AUTH_SOCK", clean_path(mount.dest));
  volumes_.push_back({.source = agents_.back()->path(),
                      .target = clean_path(mount.dest),
                      .kind = Volume::Kind::kSocket,
                      .mode = mount.mode.value_or(0600),
                      .uid = mount.uid.value_or(0),
                      .gid = mount.gid.value_or(0)});
  return {};
}

Result<void> StepMounts::open_caches(const Services& services, const graph::ExecOp& exec,
                                     const std::vector<MountSource>& sources,
                                     EmptiedCaches* emptied) {
  struct Wanted {
    std::vector<std::size_t> mounts;
    graph::Sharing sharing = graph::Sharing::kShared;
  };
  // In the order of their names everywhere, so that no two steps wait for each other; one that is
  // wanted twice is opened once.
  std::map<std::string, Wanted> wanted;
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    const graph::Mount& mount = exec.mounts[i];
    if (mount.kind != MountKind::kCache) continue;
    Wanted& one = wanted[name_of(services, mount, sources[i]).text()];
    one.mounts.push_back(i);
    one.sharing = std::max(one.sharing, mount.sharing);
  }
  const auto is_cancelled = [&services] {
    return services.cancelled != nullptr && services.cancelled->load();
  };
  for (const auto& [text, one] : wanted) {
    const std::size_t first = one.mounts.front();
    const graph::Mount& mount = exec.mounts[first];
    const store::CacheMountName name = name_of(services, mount, sources[first]);
    if (emptied != nullptr && mount.mode)
      TRY(emptied->empty(services.store, services.jobs, name, is_cancelled));
    caches_.push_back(TRY(store::CacheMount::open(
        services.store, name, sharing_of(one.sharing),
        [&](const std::string& directory) {
          return fill(services, mount, sources[first], directory);
        },
        is_cancelled)));
    const store::CacheMount& cache = caches_.back();
    owners::Sidecar records;
    for (const auto& [path, record] : cache.owners().all())
      records.push_back({.path = path, .record = record});
    for (const std::size_t i : one.mounts)
      volumes_.push_back({.source = cache.directory(),
                          .target = clean_path(exec.mounts[i].dest),
                          .read_only = exec.mounts[i].readonly,
                          .kind = Volume::Kind::kCache,
                          .selector = mount.mode ? kOwnRoot : exec.mounts[i].selector,
                          .records = owners::to_bytes(records)});
  }
  return {};
}

Result<void> StepMounts::keep(const container::RunOutcome& outcome) {
  std::size_t at = 0;
  for (const Volume& volume : volumes_) {
    if (volume.kind != Volume::Kind::kCache) continue;
    if (at == outcome.cache_records.size()) break;
    const owners::Sidecar now = TRY(owners::parse_sidecar(outcome.cache_records[at++]));
    for (store::CacheMount& cache : caches_)
      if (cache.directory() == volume.source) TRY(cache.keep(now));
  }
  return {};
}

}  // namespace lichen::ops
