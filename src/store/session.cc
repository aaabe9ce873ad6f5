#include "store/session.h"

#include <fcntl.h>
#include <sys/random.h>

#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace lichen::store {

namespace {

constexpr std::string_view kLockSuffix = ".lock";

std::string lock_path(const std::string& store, const std::string& name) {
  return store + "/sessions/" + name + std::string(kLockSuffix);
}

Result<std::string> random_name() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != sizeof value)
    return fail(os_error("getrandom", "session name"));
  char name[17];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(value));
  return std::string(name);
}

}  // namespace

Result<os::FileLock> Session::opening_lock(const std::string& store) {
  return os::FileLock::exclusive(store + "/sessions.lock");
}

Session::Session(std::string store, std::string name, os::FileLock lock)
    : store_(std::move(store)), name_(std::move(name)), lock_(std::move(lock)) {}

Result<std::unique_ptr<Session>> Session::start(const std::string& store) {
  std::string name = TRY(random_name());
  auto lock = TRY(os::FileLock::try_exclusive(lock_path(store, name)));
  if (!lock) return fail(Errc::kInternal, "two sessions of one name: " + name);
  return std::unique_ptr<Session>(new Session(store, std::move(name), std::move(*lock)));
}

Session::~Session() {
  (void)os::unlink(lock_path(store_, name_));
}

std::string Session::new_name() {
  return name_ + "-" + std::to_string(++counter_);
}

std::string Session::owner(std::string_view entry) {
  return std::string(entry.substr(0, entry.find('-')));
}

void Session::add_garbage(std::string path) {
  std::lock_guard lock(mutex_);
  garbage_.push_back(std::move(path));
}

std::vector<std::string> Session::take_garbage() {
  std::lock_guard lock(mutex_);
  return std::exchange(garbage_, {});
}

Result<OtherSessions> other_sessions(const std::string& store, const std::string& own) {
  OtherSessions others;
  const os::UniqueFd directory = TRY(os::open(store + "/sessions", O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(directory))) {
    if (!ends_with(entry.name, kLockSuffix)) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - kLockSuffix.size());
    if (name == own) continue;
    const auto lock = TRY(os::FileLock::try_exclusive(lock_path(store, name)));
    (lock ? others.dead : others.live).push_back(name);
  }
  return others;
}

}  // namespace lichen::store
