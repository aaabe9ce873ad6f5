#include "store/cache_mount.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"
#include "os/disk.h"
#include "store/leases.h"

namespace lichen::store {

namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr int kMaxInstances = 1000;

Result<os::FileLock> wait_for(const std::string& path, bool exclusive,
                              const CacheMount::Cancelled& is_cancelled) {
  while (true) {
    auto lock =
        exclusive ? TRY(os::FileLock::try_exclusive(path)) : TRY(os::FileLock::try_shared(path));
    if (lock) return std::move(*lock);
    if (is_cancelled()) return fail(Errc::kCancelled, "cancelled");
    std::this_thread::sleep_for(kPoll);
  }
}

std::string place_of(const Store& store, const CacheMountName& name) {
  return store.path() + "/caches/" + name.text();
}

std::string lock_of(const std::string& place, int instance) {
  return place + "/" + std::to_string(instance) + ".lock";
}

struct Held {
  os::FileLock lock;
  int instance = 0;
};

Result<Held> hold(const std::string& place, const CacheMountName& name, CacheMount::Sharing sharing,
                  const CacheMount::Cancelled& is_cancelled) {
  if (sharing != CacheMount::Sharing::kPrivate)
    return Held{
        TRY(wait_for(lock_of(place, 0), sharing == CacheMount::Sharing::kLocked, is_cancelled))};
  const os::FileLock changing = TRY(wait_for(place + "/change.lock", true, is_cancelled));
  for (int instance = 0; instance < kMaxInstances; ++instance)
    if (auto lock = TRY(os::FileLock::try_exclusive(lock_of(place, instance))))
      return Held{std::move(*lock), instance};
  return fail(Errc::kUnavailable, "too many steps use the private cache " + name.id);
}

// A directory in tmp that has fs and owners.
Result<std::string> make(Store& store, const CacheMount::Fill& fill) {
  std::string temporary = TRY(store.make_temporary_directory());
  const std::string fs = temporary + "/fs";
  if (::mkdir(fs.c_str(), 0755) < 0 || ::chmod(fs.c_str(), 0755) < 0)
    return fail(os_error("mkdir", fs));
  const std::string sidecar = TRY(fill(fs));
  if (!sidecar.empty()) TRY(os::replace_file(temporary + "/owners", sidecar, 0600));
  return temporary;
}

Result<void> write_id(const std::string& place, const CacheMountName& name) {
  return os::replace_file(place + "/id", name.tier + "\n" + name.id + "\n" + name.base + "\n",
                          0600);
}

}  // namespace

std::string CacheMountName::text() const {
  Hasher hasher;
  hasher.field("lichen cache mount 1").field(tier).field(id).field(base);
  return hasher.finish().hex();
}

std::string shown_id(const std::string& id) {
  return starts_with(id, "/") ? id.substr(1) : id;
}

Result<CacheMount> CacheMount::open(Store& store, const CacheMountName& name, Sharing sharing,
                                    const Fill& fill, const Cancelled& is_cancelled) {
  // A later step of this build finds what an earlier one left.
  TRY(store.leases_->hold(Leases::of_cache_mount(name.text())));
  const std::string place = place_of(store, name);
  Result<Held> held = fail(Errc::kNotFound, "");
  while (!held && held.error().code == Errc::kNotFound) {  // somebody removes it just now
    TRY(os::mkdirs(place, 0700));
    held = hold(place, name, sharing, is_cancelled);
  }
  auto [lock, instance] = TRY(std::move(held));
  if (os::exists(place + "/id"))
    os::touch(place + "/id");  // when it was last used
  else
    TRY(write_id(place, name));
  CacheMount mount(place + "/" + std::to_string(instance), std::move(lock));
  const os::FileLock changing = TRY(wait_for(place + "/change.lock", true, is_cancelled));
  if (!os::exists(mount.path_)) TRY(os::rename(TRY(make(store, fill)), mount.path_));
  TRY(mount.load());
  return mount;
}

Result<std::vector<std::string>> CacheMount::reset(Store& store, const CacheMountName& name,
                                                   const Cancelled& is_cancelled) {
  std::vector<std::string> garbage;
  const std::string place = place_of(store, name);
  for (int instance = 0; os::exists(lock_of(place, instance)); ++instance) {
    const os::FileLock lock = TRY(wait_for(lock_of(place, instance), true, is_cancelled));
    const std::string path = place + "/" + std::to_string(instance);
    if (!os::exists(path)) continue;
    garbage.push_back(TRY(store.temporary_path()));
    TRY(os::rename(path, garbage.back()));
  }
  return garbage;
}

Result<std::vector<std::string>> CacheMount::replace(Store& store, const CacheMountName& name,
                                                     const Fill& fill,
                                                     const Cancelled& is_cancelled) {
  const std::string made = TRY(make(store, fill));
  const std::string place = place_of(store, name);
  Result<Held> held = fail(Errc::kNotFound, "");
  while (!held && held.error().code == Errc::kNotFound) {  // somebody removes it just now
    TRY(os::mkdirs(place, 0700));
    held = hold(place, name, Sharing::kLocked, is_cancelled);
  }
  const Held alone = TRY(std::move(held));
  const os::FileLock changing = TRY(wait_for(place + "/change.lock", true, is_cancelled));
  TRY(write_id(place, name));
  std::vector<std::string> garbage;
  if (const std::string path = place + "/0"; os::exists(path)) {
    garbage.push_back(TRY(store.temporary_path()) + ".garbage");
    TRY(os::rename(path, garbage.back()));
  }
  TRY(os::rename(made, place + "/0"));
  return garbage;
}

Result<std::vector<CacheMountName>> CacheMount::list(const Store& store) {
  std::vector<CacheMountName> names;
  auto caches = os::open(store.path() + "/caches", O_RDONLY | O_DIRECTORY);
  if (!caches && caches.error().code == Errc::kNotFound) return names;
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(TRY(std::move(caches))))) {
    const auto id = TRY(os::find_file(store.path() + "/caches/" + entry.name + "/id"));
    const std::vector<std::string> lines = split(id.value_or(""), '\n');
    if (lines.size() < 3) continue;  // it is being made, or removed
    CacheMountName name{.tier = lines[0], .id = lines[1], .base = lines[2]};
    if (name.text() == entry.name) names.push_back(std::move(name));
  }
  return names;
}

Result<bool> CacheMount::remove(Store& store, const std::string& text, const std::string& garbage) {
  const std::string place = store.path() + "/caches/" + text;
  if (!os::exists(place)) return false;
  const Leases::Place lease = Leases::of_cache_mount(text);
  if (!TRY(store.leases_->begin_removal(lease))) return false;
  auto removed = move_away(place, garbage);
  store.leases_->end_removal(lease);
  return removed;
}

Result<bool> CacheMount::move_away(const std::string& place, const std::string& garbage) {
  // With this lock no instance is added.
  const auto changing = TRY(os::FileLock::try_exclusive(place + "/change.lock"));
  if (!changing) return false;
  std::vector<os::FileLock> locks;
  for (int instance = 0; instance == 0 || os::exists(lock_of(place, instance)); ++instance) {
    auto lock = TRY(os::FileLock::try_exclusive(lock_of(place, instance)));
    if (!lock) return false;
    locks.push_back(std::move(*lock));
  }
  TRY(os::rename(place, garbage));
  return true;
}

Result<void> CacheMount::load() {
  owners_ = {};
  if (const auto bytes = TRY(os::find_file(path_ + "/owners")))
    owners_.apply(TRY(owners::parse_sidecar(*bytes)));
  return {};
}

Result<void> CacheMount::keep(const owners::Sidecar& sidecar) {
  const std::string place = path_.substr(0, path_.find_last_of('/'));
  const os::FileLock changing = TRY(os::FileLock::exclusive(place + "/change.lock"));
  const owners::Owners before = std::move(owners_);
  owners::Owners now;
  now.apply(sidecar);
  TRY(load());  // with what others have kept meanwhile
  const auto set = [this](const std::string& path, const owners::Record& record) {
    owners_.apply(owners::Change{.path = path, .record = record});
  };
  for (const auto& [path, record] : before.all())
    if (now.find(path) == nullptr) set(path, {});
  for (const auto& [path, record] : now.all()) {
    const owners::Record* known = before.find(path);
    if (known == nullptr || *known != record) set(path, record);
  }
  owners::Sidecar merged;
  for (const auto& [path, record] : owners_.all())
    merged.push_back({.path = path, .record = record});
  if (merged.empty())
    return os::exists(path_ + "/owners") ? os::unlink(path_ + "/owners") : Result<void>();
  return os::replace_file(path_ + "/owners", owners::to_bytes(merged), 0600);
}

}  // namespace lichen::store
