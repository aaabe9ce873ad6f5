// Takes stock of a store: makes a Usage. Internal to store.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/references.h"
#include "store/usage.h"

namespace lichen::store {

class Inventory {
 public:
  Inventory(Store& store, const Measure& measure) : store_(store), measure_(measure) {}
  Result<Usage> take();

 private:
  // Asked for all at once, when everything has been listed.
  struct Unmeasured {
    std::string path;
    std::size_t entry = 0;      // kOther: Usage::other
    std::int64_t snapshot = 0;  // whose size is to be remembered
  };
  static constexpr std::size_t kOther = static_cast<std::size_t>(-1);

  Result<void> add_images();
  Result<void> add_sources();
  Result<void> add_snapshots();
  void measure_later(std::set<std::int64_t> snapshots, const std::set<std::int64_t>& unready);
  Result<void> add_blobs();
  Result<void> add_cache_mounts();
  Result<void> add_fetched();
  Result<void> add_rest();
  Result<void> measure();
  Result<void> remember(const std::map<std::int64_t, std::uint64_t>& bytes);
  void spread();  // from snapshots to those that they stand on, and to their source
  std::size_t add(UsageEntry entry);
  void own(const std::set<Digest>& blobs, std::size_t entry);
  Result<std::vector<std::string>> names(const std::string& directory) const;

  Store& store_;
  const Measure& measure_;
  References references_;
  Usage usage_;
  std::vector<Unmeasured> unmeasured_;
  std::int64_t version_ = 0;              // of the database, when the snapshots were listed
  std::map<Digest, std::size_t> owners_;  // the entry that a blob belongs to
  std::map<std::int64_t, std::size_t> snapshots_;  // the entry of a snapshot
};

}  // namespace lichen::store
