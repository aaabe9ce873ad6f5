#include "build/upkeep.h"

#include <numeric>

#include "base/human_size.h"
#include "build/session.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/root.h"

namespace lichen::build {

namespace {

void no_events(const Event&) {}

store::Measure measure_by(ops::JobClient& jobs) {
  return [&jobs](const std::vector<std::string>& paths) { return jobs.measure(paths); };
}

bool is_everything(const store::PruneRequest& request) {
  return request.scope == store::PruneRequest::Scope::kAll && !request.limits.any() &&
         !request.before && request.kinds.empty() && request.keep.empty();
}

// nullopt: others use the store.
Result<std::optional<store::Pruned>> wipe(const Environment& environment) {
  const std::string root = TRY(store::choose_root(environment.root));
  const KeeperAtTier started = TRY(start_keeper(environment.tier));
  ops::JobClient jobs(*started.keeper, environment.cancelled);
  const auto wiped = TRY(store::wipe(root));
  if (!wiped) return std::optional<store::Pruned>();
  store::Pruned pruned;
  const std::vector<std::uint64_t> bytes = TRY(jobs.measure(wiped->garbage));
  pruned.bytes = std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
  TRY(jobs.remove(wiped->garbage));
  pruned.left = os::disk_usage(root);
  return std::optional<store::Pruned>(std::move(pruned));
}

}  // namespace

Result<DiskUsage> disk_usage(const Environment& environment) {
  const auto session = TRY(Session::open(environment, no_events));
  return DiskUsage{session->store().path(),
                   TRY(store::usage_of(session->store(), measure_by(session->jobs())))};
}

namespace {

Result<store::Pruned> prune_in(Session& session, const store::PruneRequest& request) {
  store::Pruned pruned = TRY(store::prune(session.store(), request, measure_by(session.jobs())));
  TRY(session.jobs().remove(pruned.garbage));
  pruned.garbage.clear();
  return pruned;
}

}  // namespace

Result<store::Pruned> prune(const Environment& environment, const store::PruneRequest& request) {
  if (is_everything(request))
    if (auto wiped = TRY(wipe(environment))) return std::move(*wiped);
  const auto session = TRY(Session::open(environment, no_events));
  return prune_in(*session, request);
}

Result<StoreCheck> check_store(const Environment& environment, const store::FsckOptions& options) {
  if (!options.repair) {  // that takes no keeper
    const auto store = TRY(store::Store::open(TRY(store::choose_root(environment.root))));
    return StoreCheck{store->path(), TRY(store::fsck(*store, options))};
  }
  const auto session = TRY(Session::open(environment, no_events));
  StoreCheck check{session->store().path(), TRY(store::fsck(session->store(), options))};
  TRY(session->jobs().remove(check.checked.garbage));
  return check;
}

void StoreLimit::layer_written() {
  if (max_ == 0) return;
  std::lock_guard lock(mutex_);
  (void)prune_in(session_, {.limits = {.max_used = max_}});  // finish() tells what is wrong
}

Result<std::string> StoreLimit::finish(const std::set<std::string>& images) {
  if (max_ == 0) return std::string();
  std::lock_guard lock(mutex_);
  TRY(session_.store().release());
  const store::Pruned pruned =
      TRY(prune_in(session_, {.limits = {.max_used = max_}, .keep = images}));
  if (pruned.left <= max_) return std::string();
  return "the store takes " + human_size(pruned.left) + ", more than the limit of " +
         human_size(max_) + ": images with names, and what other builds use, stay";
}

}  // namespace lichen::build
