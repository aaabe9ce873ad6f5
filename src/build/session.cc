#include "build/session.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/text.h"
#include "os/host.h"
#include "os/idmap.h"
#include "store/root.h"

namespace lichen::build {

namespace {

struct Candidate {
  container::Tier tier;
  TierChoice choice;
};
// Highest first: what TierChoice::kAuto tries in turn.
constexpr Candidate kCandidates[] = {{container::Tier::kIds, TierChoice::kIds},
                                     {container::Tier::kUserns, TierChoice::kUserns},
                                     {container::Tier::kBare, TierChoice::kBare}};

Result<std::unique_ptr<container::Keeper>> start_at(container::Tier tier) {
  os::IdMaps maps;
  if (tier == container::Tier::kIds) maps = TRY(os::subordinate_maps());
  if (tier == container::Tier::kUserns) maps = os::single_map();
  if (tier == container::Tier::kBare)
    TRY(os::check_tier(os::Tier::kBare));
  else
    TRY(os::check_mount_calls());
  return container::Keeper::start({.uids = maps.uids, .gids = maps.gids, .handler = ops::perform});
}

// What killed builds left half-done. It is out of the way already, so failing to remove it (a
// worker of the dead may still hold it) fails nothing. Who waits for it is told why.
void remove_left(ops::JobClient& jobs, const std::vector<std::string>& garbage,
                 const EventSink& events) {
  constexpr auto kPatience = std::chrono::milliseconds(300);
  if (garbage.empty()) return;
  std::mutex mutex;
  std::condition_variable changed;
  bool removed = false;
  const std::jthread teller([&] {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, kPatience, [&] { return removed; }))
      events(Notice{"cleaning up after a build that was killed"});
  });
  (void)jobs.remove(garbage);
  {
    const std::lock_guard lock(mutex);
    removed = true;
  }
  changed.notify_all();
}

}  // namespace

Result<KeeperAtTier> start_keeper(TierChoice choice) {
  KeeperAtTier started;
  std::optional<Error> last;
  for (const Candidate& candidate : kCandidates) {
    if (choice != TierChoice::kAuto && choice != candidate.choice) continue;
    auto keeper = start_at(candidate.tier);
    const std::string name = container::to_text(candidate.tier);
    if (keeper) {
      started.keeper = std::move(*keeper);
      started.tier = candidate.tier;
      return started;
    }
    if (last) started.why += "; ";
    started.why += name + ": " + to_text(keeper.error());
    last = std::move(keeper).error();
  }
  LICHEN_ASSERT(last);
  Error error = std::move(*last);
  error.code = Errc::kUnsupported;
  if (choice != TierChoice::kAuto) {
    return fail(std::move(error).in("tier " +
                                    std::string(started.why.substr(0, started.why.find(':'))) +
                                    " does not work here"));
  }
  return fail(Errc::kUnsupported, "no tier works here (" + started.why + ")",
              "`lichen doctor` tells what this host lacks");
}

Result<std::unique_ptr<Session>> Session::open(const Environment& environment,
                                               const EventSink& events) {
  std::unique_ptr<Session> session(new Session);
  const std::string root = TRY(store::choose_root(environment.root));
  KeeperAtTier started = TRY(start_keeper(environment.tier));
  session->keeper_ = std::move(started.keeper);
  session->tier_ = started.tier;
  session->store_ = TRY(store::Store::open(root));
  session->jobs_ = std::make_unique<ops::JobClient>(*session->keeper_, environment.cancelled);
  remove_left(*session->jobs_, session->store_->take_garbage(), events);
  session->registry_ = TRY(registry::make_host_client(
      {.tls_verify = environment.tls_verify,
       .cancelled = [flag = environment.cancelled] { return flag != nullptr && flag->load(); }}));
  events(Notice{std::string("tier ") + container::to_text(session->tier_) +
                (started.why.empty() ? "" : " (" + started.why + ")")});
  return session;
}

}  // namespace lichen::build
