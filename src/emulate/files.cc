#include "emulate/files.h"

#include <sys/sysmacros.h>

#include <mutex>

namespace lichen::emulate {

namespace {

constexpr std::size_t kMaxRecords = 8u << 20;

}  // namespace

FileTable::Key FileTable::key_of(const struct statx& status) {
  return {::makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
}

std::int64_t FileTable::born(const struct statx& status) {
  if ((status.stx_mask & STATX_BTIME) == 0) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(status.stx_btime.tv_sec) *
                                       1'000'000'000u +
                                   status.stx_btime.tv_nsec);
}

std::optional<owners::Record> FileTable::find(const struct statx& status) const {
  std::shared_lock lock(mutex_);
  const auto found = entries_.find(key_of(status));
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  if (!entry.lower && entry.born != born(status)) return std::nullopt;
  return entry.record;
}

void FileTable::store(const Key& key, const Entry& entry) {
  if (entry.record.type != 0) devices_.fetch_add(1, std::memory_order_relaxed);
  entries_[key] = entry;
  count_.store(entries_.size(), std::memory_order_relaxed);
}

bool FileTable::put(const struct statx& status, const owners::Record& record) {
  const Key key = key_of(status);
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(key);
  if (record.is_default()) {
    if (found != entries_.end()) entries_.erase(found);
    count_.store(entries_.size(), std::memory_order_relaxed);
    return true;
  }
  // A lower one stays one: it may still be copied up.
  const bool lower = found != entries_.end() && found->second.lower;
  if (found == entries_.end() && entries_.size() >= kMaxRecords) return false;
  store(key, {record, born(status), lower});
  return true;
}

void FileTable::put_lower(const struct statx& status, const owners::Record& record) {
  if (record.is_default()) return;
  if (is_fragile(status)) fragile_.fetch_add(1, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  store(key_of(status), {record, born(status), true});
}

std::size_t FileTable::size() const {
  std::shared_lock lock(mutex_);
  return entries_.size();
}

bool is_fragile(const struct statx& status) {
  return !S_ISDIR(status.stx_mode) && (status.stx_nlink > 1 || !S_ISREG(status.stx_mode));
}

void dress(struct statx& status, const owners::Record& record) {
  status.stx_uid = record.uid;
  status.stx_gid = record.gid;
  if (record.mode) {
    status.stx_mode = static_cast<std::uint16_t>((status.stx_mode & static_cast<unsigned>(S_IFMT)) |
                                                 (*record.mode & 07777));
  }
  if (record.type == 0) return;
  status.stx_mode =
      static_cast<std::uint16_t>((status.stx_mode & ~static_cast<unsigned>(S_IFMT)) | record.type);
  status.stx_rdev_major = record.dev_major;
  status.stx_rdev_minor = record.dev_minor;
  status.stx_size = 0;
  status.stx_blocks = 0;
}

}  // namespace lichen::emulate
