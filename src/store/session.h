// A session: one process that has a store open. It holds a lock on sessions/NAME.lock as long as it
// lives, and all it makes in tmp/ begins with its name. Internal to store.
//
// Nobody but the holder of opening_lock() starts a session or clears away after a dead one, so a
// lock file that can be locked belongs to a session that has ended.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file.h"

namespace lichen::store {

class Session {
 public:
  // Serialises starts and sweeps; hold it while they happen.
  static Result<os::FileLock> opening_lock(const std::string& store);
  static Result<std::unique_ptr<Session>> start(const std::string& store);
  ~Session();  // removes the lock file

  const std::string& name() const { return name_; }
  std::string new_name();                            // unused, in tmp/; "NAME-1", …
  static std::string owner(std::string_view entry);  // "NAME" of an entry of tmp/

  void add_garbage(std::string path);
  std::vector<std::string> take_garbage();

 private:
  Session(std::string store, std::string name, os::FileLock lock);

  std::string store_, name_;
  os::FileLock lock_;
  std::atomic<unsigned> counter_ = 0;
  std::mutex mutex_;
  std::vector<std::string> garbage_;
};

// Other sessions that live, and the names of those that do not (left by crashes).
struct OtherSessions {
  std::vector<std::string> live, dead;
};
Result<OtherSessions> other_sessions(const std::string& store, const std::string& own);

}  // namespace lichen::store
