#include "store/prune.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/text.h"
#include "os/disk.h"
#include "store/cache_mount.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/references.h"
#include "store/session.h"
#include "store/snapshot_mark.h"
#include "store/store.h"

namespace lichen::store {

std::uint64_t excess(const Limits& limits, std::uint64_t used, std::uint64_t free) {
  std::uint64_t keep = limits.max_used != 0 ? std::min(used, limits.max_used) : used;
  if (limits.min_free > free) {
    const std::uint64_t wanted = limits.min_free - free;
    keep = std::min(keep, used > wanted ? used - wanted : 0);
  }
  if (limits.max_used == 0 && limits.min_free == 0) keep = 0;  // all but what is reserved
  return used - std::min(used, std::max(keep, limits.reserved));
}

namespace {

bool is_candidate(const UsageEntry& entry, const PruneRequest& request) {
  using Scope = PruneRequest::Scope;
  if (entry.in_use) return false;
  if (!request.kinds.empty() && request.kinds.count(entry.kind) == 0) return false;
  if (request.before && entry.used >= *request.before) return false;
  if (entry.orphan) return true;
  if (request.scope == Scope::kOrphans) return false;
  if (entry.kind == UsageKind::kImage) {
    if (request.keep.count(entry.id) != 0) return false;
    return request.scope == Scope::kAll || !entry.has_name;
  }
  return request.scope == Scope::kAll || !entry.shared || request.limits.any();
}

}  // namespace

std::vector<const UsageEntry*> candidates(const Usage& usage, const PruneRequest& request) {
  std::vector<const UsageEntry*> found;
  for (const UsageEntry& entry : usage.entries)
    if (is_candidate(entry, request)) found.push_back(&entry);
  std::stable_sort(found.begin(), found.end(), [](const UsageEntry* a, const UsageEntry* b) {
    if (a->orphan != b->orphan) return a->orphan;
    const bool a_record = a->kind == UsageKind::kHistory, b_record = b->kind == UsageKind::kHistory;
    if (a_record != b_record) return a_record;
    if (a->used != b->used) return a->used < b->used;
    return a->snapshot() > b->snapshot();  // what stands on others goes before them
  });
  return found;
}

// Of snapshots that share files, what each frees when it goes: a file goes with the last that has
// it, so the order counts in which they go.
class Families {
 public:
  Families(const Usage& usage, const std::vector<const UsageEntry*>& order,
           const std::string& snapshots, const Measure& measure)
      : usage_(usage), order_(order), snapshots_(snapshots), measure_(measure) {}

  // Before `entry`, the next of the order, is removed.
  Result<void> divide(const UsageEntry& entry) {
    if (!entry.family || !divided_.insert(*entry.family).second) return {};
    std::vector<std::string> paths;
    std::vector<std::int64_t> ids;
    const auto add = [&](const UsageEntry& one) {
      if (one.family != entry.family || gone_.count(one.snapshot()) != 0) return;
      ids.push_back(one.snapshot());
      paths.push_back(snapshots_ + std::to_string(ids.back()));
    };
    std::set<const UsageEntry*> next(order_.begin(), order_.end());
    for (const UsageEntry* one : stay_) next.erase(one);
    for (const UsageEntry& one : usage_.entries)
      if (next.count(&one) == 0) add(one);
    for (auto it = order_.rbegin(); it != order_.rend(); ++it)
      if (next.count(*it) != 0) add(**it);
    const std::vector<std::uint64_t> bytes = TRY(measure_(paths));
    LICHEN_ASSERT(bytes.size() == ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) freed_[ids[i]] = bytes[i];
    return {};
  }
  void gone(const UsageEntry& entry) {
    if (entry.family) gone_.insert(entry.snapshot());
  }
  void stays(const UsageEntry& entry) {
    if (!entry.family) return;
    stay_.insert(&entry);
    divided_.erase(*entry.family);  // it keeps what would have gone with others
  }
  std::uint64_t freed_by(std::int64_t snapshot) const { return freed_.at(snapshot); }

 private:
  const Usage& usage_;
  const std::vector<const UsageEntry*>& order_;
  const std::string snapshots_;
  const Measure& measure_;
  std::set<std::int64_t> divided_, gone_;
  std::set<const UsageEntry*> stay_;
  std::map<std::int64_t, std::uint64_t> freed_;
};

// One run. Holds the opening lock, so that no session starts and no other run is at work.
class Pruning {
 public:
  Pruning(Store& store, PruneRequest request) : store_(store), request_(std::move(request)) {}

  Result<Pruned> run(const Usage& usage, const Measure& measure) {
    const os::FileLock opening = TRY(Session::opening_lock(store_.path()));
    TRY(refresh());
    const std::uint64_t used = usage.total();
    const bool limited = request_.limits.any();
    std::uint64_t target = 0;
    if (limited) target = excess(request_.limits, used, TRY(free_bytes()));
    const std::vector<const UsageEntry*> order = candidates(usage, request_);
    families_.emplace(usage, order, store_.path() + "/snapshots/", measure);
    for (const UsageEntry* entry : order) {
      if (limited && pruned_.bytes >= target && !entry->orphan) break;
      const std::uint64_t before = pruned_.bytes;
      TRY(families_->divide(*entry));
      if (!TRY(remove(*entry))) {
        families_->stays(*entry);
        continue;
      }
      families_->gone(*entry);
      pruned_.removed.push_back(*entry);
      pruned_.removed.back().bytes = pruned_.bytes - before;
    }
    if (!pruned_.removed.empty()) store_.db_->shrink();
    pruned_.left = used - std::min(used, pruned_.bytes);
    const std::vector<std::string> garbage = store_.take_garbage();
    pruned_.garbage.insert(pruned_.garbage.end(), garbage.begin(), garbage.end());
    return std::move(pruned_);
  }

  Result<Pruned> run_failed() {
    const Rows rows = TRY(store_.db_->query(
        "SELECT id FROM snapshots WHERE ready = 1 AND substr(description, 1, ?1) = ?2",
        {static_cast<std::int64_t>(kFailedMark.size()), std::string(kFailedMark)}));
    if (rows.empty()) return std::move(pruned_);
    const os::FileLock opening = TRY(Session::opening_lock(store_.path()));
    TRY(refresh());
    for (const Row& row : rows)
      (void)TRY(remove_snapshot(
          {.kind = UsageKind::kStep, .id = std::to_string(number(row[0])), .description = {}}));
    pruned_.garbage = store_.take_garbage();
    return std::move(pruned_);
  }

 private:
  Result<void> refresh() {
    version_ = TRY(store_.db_->version());
    references_ = TRY(References::load(store_, *store_.db_));
    return {};
  }

  Result<std::uint64_t> free_bytes() const {
    struct ::statvfs status {};
    if (::statvfs(store_.path().c_str(), &status) < 0)
      return fail(os_error("statvfs", store_.path()));
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }

  // False: somebody uses it now.
  Result<bool> remove(const UsageEntry& entry) {
    switch (entry.kind) {
      case UsageKind::kStep:
      case UsageKind::kBase:
        return remove_snapshot(entry);
      case UsageKind::kImage:
        // Another image may have the name by now.
        if (TRY(store_.db_->query(
                    "DELETE FROM images WHERE name = ? AND created = ? RETURNING name",
                    {entry.id, entry.created}))
                .empty())
          return false;
        TRY(remove_blobs(references_.drop_image(entry.id)));
        return true;
      case UsageKind::kSource:
        (void)TRY(store_.db_->query(
            "DELETE FROM resolutions WHERE reference || ' ' || platform = ?", {entry.id}));
        TRY(remove_blobs(references_.drop_source(entry.id)));
        return true;
      case UsageKind::kCacheMount:
        return remove_cache_mount(entry);
      case UsageKind::kGit:
        return remove_fetched("git", entry, {".sha1", ".sha256"});
      case UsageKind::kDownload:
        return remove_fetched("downloads", entry, {"", ".bytes"});
      case UsageKind::kHistory:
        return remove_record(entry);
      case UsageKind::kContext:
        TRY(os::unlink(store_.path() + "/" + entry.id));
        pruned_.bytes += entry.bytes;
        return true;
      case UsageKind::kUnreferenced:
        return remove_unreferenced(entry);
    }
    return false;
  }

  // `act` while nobody uses what lies at `place`.
  Result<bool> alone(Leases::Place place, const std::function<Result<bool>()>& act) {
    if (!TRY(store_.leases_->begin_removal(place))) return false;
    auto done = act();
    store_.leases_->end_removal(place);
    return done;
  }

  Result<bool> remove_snapshot(const UsageEntry& entry) {
    const std::int64_t id = entry.snapshot();
    return alone(Leases::of(id), [&]() -> Result<bool> {
      const Rows children = TRY(
          store_.db_->query("SELECT id FROM snapshots WHERE ?1 IN (parent, linked) LIMIT 1", {id}));
      const Rows own =
          TRY(store_.db_->query("SELECT bytes FROM snapshots WHERE id = ? AND ready = 1", {id}));
      if (!children.empty() || own.empty()) return false;
      TRY(store_.discard_snapshot(id));
      pruned_.bytes +=
          entry.family ? families_->freed_by(id) : static_cast<std::uint64_t>(number(own[0][0]));
      TRY(remove_blobs(references_.drop_snapshot(id)));
      return true;
    });
  }

  Result<void> remove_blobs(const std::vector<Digest>& blobs) {
    for (const Digest& blob : blobs) (void)TRY(remove_blob(blob));
    return {};
  }

  Result<bool> remove_blob(const Digest& blob) {
    return alone(Leases::of(blob), [&]() -> Result<bool> {
      // Nobody can come to need it now; but somebody may have, since the references were read.
      if (TRY(store_.db_->version()) != version_) TRY(refresh());
      if (references_.is_needed(blob)) return false;
      (void)TRY(store_.db_->query("DELETE FROM blobs WHERE digest = ?", {blob.text()}));
      (void)TRY(store_.db_->query("DELETE FROM conversions WHERE made = ?", {blob.text()}));
      return unlink(store_.blob_path(blob));
    });
  }

  Result<bool> unlink(const std::string& path) {
    const std::uint64_t bytes = os::disk_usage(path);
    TRY(os::unlink(path));
    pruned_.bytes += bytes;
    return true;
  }

  Result<bool> remove_cache_mount(const UsageEntry& entry) {
    const std::string garbage = TRY(store_.temporary_path()) + ".garbage";
    if (!TRY(CacheMount::remove(store_, entry.id, garbage))) return false;
    pruned_.garbage.push_back(garbage);
    pruned_.bytes += entry.bytes;
    return true;
  }

  Result<bool> remove_fetched(const std::string& directory, const UsageEntry& entry,
                              const std::vector<std::string>& suffixes) {
    const std::string place = store_.path() + "/" + directory + "/" + entry.id;
    const auto lock = TRY(os::FileLock::try_exclusive(place + ".lock"));
    if (!lock) return false;
    for (const std::string& suffix : suffixes) {
      if (!os::exists(place + suffix)) continue;
      pruned_.garbage.push_back(TRY(store_.temporary_path()) + ".garbage");
      TRY(os::rename(place + suffix, pruned_.garbage.back()));
    }
    TRY(os::unlink(place + ".lock"));
    pruned_.bytes += entry.bytes;
    return true;
  }

  // The record of a build; one that goes on has it locked.
  Result<bool> remove_record(const UsageEntry& entry) {
    const auto lock = TRY(os::FileLock::try_shared(store_.path() + "/" + entry.id));
    return lock ? unlink(store_.path() + "/" + entry.id) : false;
  }

  Result<bool> remove_unreferenced(const UsageEntry& entry) {
    const std::string path = store_.path() + "/" + entry.id;
    if (const auto blob = Digest::parse("sha256:" + entry.id.substr(entry.id.rfind('/') + 1)))
      return remove_blob(*blob);
    if (starts_with(entry.id, "blobs/")) return unlink(path);
    // A directory of no snapshot. Its number may have been given out meanwhile.
    const Rows rows =
        TRY(store_.db_->query("SELECT id FROM snapshots WHERE 'snapshots/' || id = ?", {entry.id}));
    if (!rows.empty() || !os::exists(path)) return false;
    pruned_.garbage.push_back(TRY(store_.to_garbage(path)));
    pruned_.bytes += entry.bytes;
    return true;
  }

  Store& store_;
  const PruneRequest request_;
  std::int64_t version_ = 0;
  References references_;
  std::optional<Families> families_;  // of run()
  Pruned pruned_;
};

Result<Pruned> prune(Store& store, const PruneRequest& request, const Measure& measure) {
  const Usage usage = TRY(usage_of(store, measure));
  return Pruning(store, request).run(usage, measure);
}

Result<Pruned> prune_failed(Store& store) {
  return Pruning(store, {}).run_failed();
}

Result<std::optional<Wiped>> wipe(const std::string& path) {
  if (!os::exists(path + "/version") || !os::exists(path + "/sessions"))
    return std::optional<Wiped>();
  const os::FileLock opening = TRY(Session::opening_lock(path));
  Wiped wiped{.garbage = {}, .session = TRY(Session::start(path))};
  const OtherSessions others = TRY(other_sessions(path, wiped.session->name()));
  if (!others.live.empty()) return std::optional<Wiped>();
  const auto discard = [&](const std::string& from) {
    wiped.garbage.push_back(path + "/tmp/" + wiped.session->new_name() + ".garbage");
    return os::rename(from, wiped.garbage.back());
  };
  const os::UniqueFd tmp = TRY(os::open(path + "/tmp", O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(tmp)))
    TRY(discard(path + "/tmp/" + entry.name));
  const std::set<std::string> stays{"version", "README", "sessions", "sessions.lock", "tmp"};
  const os::UniqueFd root = TRY(os::open(path, O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(root)))
    if (stays.count(entry.name) == 0) TRY(discard(path + "/" + entry.name));
  for (const std::string& name : others.dead) TRY(os::unlink(path + "/sessions/" + name + ".lock"));
  return std::optional<Wiped>(std::move(wiped));
}

}  // namespace lichen::store
