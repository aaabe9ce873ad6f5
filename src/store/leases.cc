#include "store/leases.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "os/file.h"

namespace lichen::store {

namespace {

// Blobs lie behind all snapshots, and cache mounts behind those. Two that share a byte protect each
// other, which does no harm.
constexpr Leases::Place kBlobs = Leases::Place{1} << 61, kCacheMounts = Leases::Place{1} << 62;
constexpr std::size_t kDigits = 15;

Leases::Place number_of(const std::string& hex) {
  Leases::Place number = 0;
  std::from_chars(hex.data(), hex.data() + std::min(hex.size(), kDigits), number, 16);
  return number;
}

struct ::flock record(short type, Leases::Place place) {
  struct ::flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = place;
  lock.l_len = 1;
  return lock;
}

// Locks of the open file; where the kernel has none (gVisor), of the process, which here is as
// good: the file is opened once.
int control(const os::UniqueFd& file, int command, int of_process, struct ::flock lock) {
  struct ::flock again = lock;
  int rc = ::fcntl(file.get(), command, &lock);
  if (rc < 0 && errno == EINVAL) {
    rc = ::fcntl(file.get(), of_process, &again);
    lock = again;
  }
  return rc < 0 ? -1 : lock.l_type;
}

}  // namespace

Leases::Place Leases::of(const Digest& blob) {
  return kBlobs | number_of(blob.hex());
}

Leases::Place Leases::of_cache_mount(const std::string& name) {
  return kCacheMounts | number_of(name);
}

Result<std::unique_ptr<Leases>> Leases::open(const std::string& store) {
  return std::unique_ptr<Leases>(
      new Leases(TRY(os::open(store + "/leases", O_RDWR | O_CREAT, 0600))));
}

Result<bool> Leases::lock(short type, Place place, bool wait) {
  int rc = 0;
  do {
    rc = control(file_, wait ? F_OFD_SETLKW : F_OFD_SETLK, wait ? F_SETLKW : F_SETLK,
                 record(type, place));
  } while (rc < 0 && errno == EINTR);
  if (rc >= 0) return true;
  if (!wait && (errno == EAGAIN || errno == EACCES)) return false;
  return fail(os_error("lock", "leases of the store"));
}

Result<void> Leases::hold(Place place, bool is_use) {
  std::unique_lock guard(mutex_);
  removed_.wait(guard, [&] { return removing_.count(place) == 0; });
  if (held_.count(place) == 0) (void)TRY(lock(F_RDLCK, place, true));
  held_[place] |= is_use;
  return {};
}

bool Leases::is_held(Place place) {
  std::lock_guard guard(mutex_);
  if (held_.count(place) != 0) return true;
  const int type = control(file_, F_OFD_GETLK, F_GETLK, record(F_WRLCK, place));
  return type == F_RDLCK || type == F_WRLCK;
}

Result<bool> Leases::begin_removal(Place place) {
  std::lock_guard guard(mutex_);
  if (held_.count(place) != 0 || removing_.count(place) != 0) return false;
  if (!TRY(lock(F_WRLCK, place, false))) return false;
  removing_.insert(place);
  return true;
}

void Leases::end_removal(Place place) {
  std::lock_guard guard(mutex_);
  (void)lock(F_UNLCK, place, false);
  removing_.erase(place);
  removed_.notify_all();
}

std::vector<std::int64_t> Leases::used_snapshots() {
  std::lock_guard guard(mutex_);
  std::vector<std::int64_t> used;
  for (auto it = held_.begin(); it != held_.lower_bound(kBlobs); ++it)
    if (it->second) used.push_back(it->first);
  return used;
}

void Leases::release() {
  std::lock_guard guard(mutex_);
  for (const auto& [place, is_used] : held_) (void)lock(F_UNLCK, place, false);
  held_.clear();
}

}  // namespace lichen::store
