// The fake owners and devices of the files that exist now, keyed by device and inode number.
//
//   FileTable files;
//   if (auto record = files.find(status)) dress(status, *record);
//   files.put(status, record);    // the default record forgets the file
//
// An inode number may be reused after an unlink that nobody told us about, so a record holds the
// birth time too and fits only a file that has it. A file of a lower overlay layer keeps its number
// when it is copied up but gets a new birth time; its number cannot be reused, so a record from
// below fits whatever the birth time. Fragile ones lose even their number: see copy_up.h.
// Thread-safe; bounded.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "owners/record.h"

namespace lichen::emulate {

// What every statx of this module asks for.
inline constexpr unsigned kStatusMask = STATX_BASIC_STATS | STATX_BTIME;

class FileTable {
 public:
  std::optional<owners::Record> find(const struct statx& status) const;
  // false: there are too many records.
  bool put(const struct statx& status, const owners::Record& record);
  void put_lower(const struct statx& status, const owners::Record& record);
  std::size_t size() const;
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }  // without a lock
  bool any_fragile() const { return fragile_.load(std::memory_order_relaxed) != 0; }  // from below
  bool any_devices() const { return devices_.load(std::memory_order_relaxed) != 0; }

 private:
  struct Key {
    std::uint64_t device, inode;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return (key.inode * 0x9e3779b97f4a7c15u) ^ key.device;
    }
  };
  struct Entry {
    owners::Record record;
    std::int64_t born = 0;  // 0: the file system does not say
    bool lower = false;
  };
  static Key key_of(const struct statx& status);
  static std::int64_t born(const struct statx& status);

  void store(const Key& key, const Entry& entry);

  mutable std::shared_mutex mutex_;
  std::unordered_map<Key, Entry, Hash> entries_;
  std::atomic<std::size_t> count_ = 0;    // of entries_
  std::atomic<std::size_t> devices_ = 0;  // entries ever made for devices
  std::atomic<std::size_t> fragile_ = 0;  // entries ever made for fragile files
};

// After a copy-up it may have another inode number: it has several names, or is neither a regular
// file nor a directory.
bool is_fragile(const struct statx& status);

// Makes `status` what the program shall see.
void dress(struct statx& status, const owners::Record& record);

}  // namespace lichen::emulate
