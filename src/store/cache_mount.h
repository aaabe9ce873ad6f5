// The directory behind RUN --mount=type=cache: it outlives the step, and is in no image.
//
//   CacheMount cache = TRY(CacheMount::open(store, {.tier = "ids", .id = "/root/.cache"}, fill,
//   …)); … a step has cache.directory() mounted … TRY(cache.keep(records));   // owners that only
//   records hold
//
// Who has one open holds a lock on it: steps of any process share a `shared` one, a `locked` one
// belongs to one at a time, and of a `private` one everybody at work gets an instance of his own.
// Nobody removes what is open, or what a session that lives has had open. Belongs to the front;
// layout in docs/formats/store.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file.h"
#include "owners/record.h"
#include "store/store.h"

namespace lichen::store {

struct CacheMountName {
  std::string tier, id;
  std::string base;  // what its first content is made of; "": nothing
  // Caches of one name sort alike everywhere: who opens several does it in this order.
  std::string text() const;
};

// What people call it. What stands before the "/" of an id is BUILDKIT_CACHE_MOUNT_NS of the build:
// mostly nothing.
std::string shown_id(const std::string& id);

class CacheMount {
 public:
  enum class Sharing { kShared, kPrivate, kLocked };
  // Fills an empty directory with the first content; returns the bytes of its sidecar.
  using Fill = std::function<Result<std::string>(const std::string& directory)>;
  using Cancelled = std::function<bool()>;

  // Waits for others where it must.
  static Result<CacheMount> open(Store& store, const CacheMountName& name, Sharing sharing,
                                 const Fill& fill, const Cancelled& is_cancelled);
  // Takes the content away: the next open() fills it again. The directories to be removed.
  static Result<std::vector<std::string>> reset(Store& store, const CacheMountName& name,
                                                const Cancelled& is_cancelled);

  // Another content: `fill` makes it, and nothing changes if it fails. What was there is to be
  // removed.
  static Result<std::vector<std::string>> replace(Store& store, const CacheMountName& name,
                                                  const Fill& fill, const Cancelled& is_cancelled);
  // All that there are, of every tier.
  static Result<std::vector<CacheMountName>> list(const Store& store);

  // Moves the cache that CacheMountName::text() calls `text` to `garbage`. False: it is in
  // use.
  static Result<bool> remove(Store& store, const std::string& text, const std::string& garbage);

  std::string directory() const { return path_ + "/fs"; }
  const owners::Owners& owners() const { return owners_; }
  // `now`: the records of all its files. Of what another step has changed meanwhile, that counts.
  Result<void> keep(const owners::Sidecar& now);

 private:
  CacheMount(std::string path, os::FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  static Result<bool> move_away(const std::string& place, const std::string& garbage);
  Result<void> load();

  std::string path_;
  os::FileLock lock_;
  owners::Owners owners_;
};

}  // namespace lichen::store
