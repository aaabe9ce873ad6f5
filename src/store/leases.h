// What this session uses, so that no other process removes it. Internal to store.
//
//   TRY(leases.hold(Leases::of(digest)));              // from now on it stays, if it is there
//   if (TRY(leases.begin_removal(Leases::of(id)))) {   // nobody uses it
//     … remove it …
//     leases.end_removal(Leases::of(id));              // who waited to use it finds it gone
//   }
//
// Each thing is one byte of the file `leases`, locked by record locks: shared by those who use it,
// alone by who removes it. So a lease costs no write, and ends with its process. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "os/fd.h"

namespace lichen::store {

class Leases {
 public:
  using Place = std::int64_t;  // in the file

  static Place of(std::int64_t snapshot) { return snapshot; }
  static Place of(const Digest& blob);
  static Place of_cache_mount(const std::string& name);  // CacheMountName::text()

  static Result<std::unique_ptr<Leases>> open(const std::string& store);

  // Waits while somebody removes it. That it was there may not count as use.
  Result<void> hold(Place place, bool is_use = true);
  bool is_held(Place place);                // by anybody
  Result<bool> begin_removal(Place place);  // false: somebody holds it
  void end_removal(Place place);
  std::vector<std::int64_t> used_snapshots();  // of those that this session holds
  void release();                              // all

 private:
  explicit Leases(os::UniqueFd file) : file_(std::move(file)) {}
  Result<bool> lock(short type, Place place, bool wait);

  os::UniqueFd file_;
  std::mutex mutex_;
  std::condition_variable removed_;
  std::map<Place, bool> held_;  // and whether it is used
  std::set<Place> removing_;
};

}  // namespace lichen::store
