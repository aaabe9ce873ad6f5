#include "ops/stat_cache.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <tuple>
#include <vector>

#include "os/file.h"

namespace lichen::ops {

namespace {

// The machine's own byte order: the file never leaves it. Of the size of an entry's beginning, so
// that entries are aligned.
constexpr std::array<char, 24> kMagic = {"lichen stat cache 2\n"};

bool older(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

}  // namespace

StatCache::StatCache(std::string path) : path_(std::move(path)) {
  static_assert(sizeof(Entry) == 88 && kMagic.size() % alignof(Entry) == 0);
  const auto file = os::open(path_, O_RDONLY);
  if (!file) return;
  const auto status = os::fstat(*file);
  if (!status) return;
  const auto size = static_cast<std::size_t>(status->st_size);
  if (size <= kMagic.size() || (size - kMagic.size()) % sizeof(Entry) != 0) return;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->get(), 0);
  if (mapped == MAP_FAILED) return;
  if (std::memcmp(mapped, kMagic.data(), kMagic.size()) != 0) {
    ::munmap(mapped, size);
    return;
  }
  entries_ = {reinterpret_cast<const Entry*>(static_cast<const char*>(mapped) + kMagic.size()),
              (size - kMagic.size()) / sizeof(Entry)};
  used_ = std::make_unique<std::atomic<bool>[]>(entries_.size());
}

StatCache::~StatCache() {
  if (entries_.empty()) return;
  const char* start = reinterpret_cast<const char*>(entries_.data()) - kMagic.size();
  ::munmap(const_cast<char*>(start), kMagic.size() + entries_.size_bytes());
}

StatCache::Entry StatCache::entry_of(const struct ::stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .mtime_s = status.st_mtim.tv_sec,
          .ctime_s = status.st_ctim.tv_sec,
          .mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec),
          .ctime_ns = static_cast<std::uint32_t>(status.st_ctim.tv_nsec),
          .mode = status.st_mode};
}

bool StatCache::Entry::is_of(const Entry& status) const {
  const auto all = [](const Entry& e) {
    return std::tie(e.device, e.inode, e.size, e.mtime_s, e.ctime_s, e.mtime_ns, e.ctime_ns,
                    e.mode);
  };
  return all(*this) == all(status);
}

// Inodes of one directory are near each other mostly: what is looked for next lies where the last
// one was, so that few pages are touched.
const StatCache::Entry* StatCache::find(const Entry& wanted) const {
  constexpr std::size_t kNear = 64;
  thread_local std::size_t last = 0;
  std::span<const Entry> among = entries_;
  if (last < entries_.size()) {
    const std::size_t from = last - std::min(last, kNear);
    const auto near = entries_.subspan(from, std::min(2 * kNear, entries_.size() - from));
    if (near.front().key() <= wanted.key() && wanted.key() <= near.back().key()) among = near;
  }
  const auto found =
      std::lower_bound(among.begin(), among.end(), wanted,
                       [](const Entry& a, const Entry& b) { return a.key() < b.key(); });
  if (found == among.end() || !found->is_of(wanted)) return nullptr;
  last = static_cast<std::size_t>(&*found - entries_.data());
  return &entries_[last];
}

Result<FileSha256> StatCache::digest(const os::UniqueFd& directory, const std::string& name,
                                     const struct ::stat& status) {
  Entry entry = entry_of(status);
  if (const Entry* known = find(entry)) {
    used_[static_cast<std::size_t>(known - entries_.data())].store(true, std::memory_order_relaxed);
    return known->sha256;
  }
  const bool was_added = added_.with([&](const auto& added) {
    const auto found = added.find(entry.key());
    if (found == added.end() || !found->second.is_of(entry)) return false;
    entry = found->second;
    return true;
  });
  if (was_added) return entry.sha256;

  struct ::timespec before {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &before);
  entry.sha256 = TRY(read_digest(directory, name));
  // Coarse time is what the file system stamps with: a write in the same tick would not show.
  if (older(status.st_mtim, before) && older(status.st_ctim, before))
    added_.with([&](auto& added) { added.insert_or_assign(entry.key(), entry); });
  return entry.sha256;
}

Result<void> StatCache::save() {
  return added_.with([&](const std::map<Key, Entry>& added) -> Result<void> {
    if (added.empty()) return {};
    const bool keeps_all = entries_.size() + added.size() <= kMostEntries;
    std::string bytes(kMagic.data(), kMagic.size());
    bytes.reserve(kMagic.size() + (entries_.size() + added.size()) * sizeof(Entry));
    const auto write = [&bytes](const Entry& entry) {
      bytes.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    };
    auto next = added.begin();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      for (; next != added.end() && next->first < entry.key(); ++next) write(next->second);
      const bool is_replaced = next != added.end() && next->first == entry.key();
      if (!is_replaced && (keeps_all || used_[i].load(std::memory_order_relaxed))) write(entry);
    }
    for (; next != added.end(); ++next) write(next->second);
    return os::replace_file(path_, bytes, 0600);
  });
}

}  // namespace lichen::ops
