#include "build/session.h"

#include "base/text.h"
#include "os/idmap.h"
#include "store/root.h"

namespace lichen::build {

namespace {

Result<std::unique_ptr<container::Keeper>> start_at(container::Tier tier) {
  const os::IdMaps maps =
      tier == container::Tier::kIds ? TRY(os::subordinate_maps()) : os::single_map();
  return container::Keeper::start({.uids = maps.uids, .gids = maps.gids, .handler = ops::perform});
}

}  // namespace

Result<KeeperAtTier> start_keeper(TierChoice choice) {
  KeeperAtTier started;
  if (choice != TierChoice::kUserns) {
    auto keeper = start_at(container::Tier::kIds);
    if (keeper) {
      started.keeper = std::move(*keeper);
      return started;
    }
    if (choice == TierChoice::kIds)
      return fail(std::move(keeper).error().in("tier ids does not work here"));
    started.why = to_text(keeper.error());
  }
  started.tier = container::Tier::kUserns;
  auto keeper = start_at(started.tier);
  if (!keeper) {
    Error error = std::move(keeper).error();
    error.code = Errc::kUnsupported;
    if (error.hint.empty()) error.hint = "`lichen doctor` tells what this host lacks";
    if (!started.why.empty()) error.context.push_back("tier ids: " + started.why + "; tier userns");
    return fail(std::move(error));
  }
  started.keeper = std::move(*keeper);
  return started;
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
  // What killed builds left half-done. It is out of the way already, so failing to remove it (a
  // worker of the dead may still hold it) fails nothing.
  (void)session->jobs_->remove(session->store_->take_garbage());
  session->credentials_ =
      std::make_unique<registry::CredentialFiles>(registry::credential_file_paths());
  session->client_ = TRY(registry::Client::create(
      {.tls_verify = environment.tls_verify,
       .credentials = session->credentials_.get(),
       .cancelled = [flag = environment.cancelled] { return flag != nullptr && flag->load(); }}));
  events(Notice{std::string("tier ") + container::to_text(session->tier_) +
                (started.why.empty() ? "" : " (ids: " + started.why + ")")});
  return session;
}

}  // namespace lichen::build
