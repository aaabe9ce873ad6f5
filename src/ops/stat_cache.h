// Digests of context files, remembered between builds by what stat(2) says of them, so that an
// unchanged context costs one stat a file and no read.
//
// An entry counts when device, inode, size, mtime, ctime and mode are the same *and* the file had
// been left alone before its digest was taken (git's racy rule: an mtime or ctime not older than
// the moment of recording is not trusted). The file (docs/formats/store.md, Stat cache) is mapped,
// never read as a whole, and replaced as a whole by rename; one that is not whole is dropped.
// Thread-safe.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/result.h"
#include "ops/content_digest.h"
#include "os/fd.h"

namespace lichen::ops {

class StatCache {
 public:
  // Of more entries those that no file was found by go.
  static constexpr std::size_t kMostEntries = 2'000'000;

  explicit StatCache(std::string path);  // with what is there
  ~StatCache();
  StatCache(const StatCache&) = delete;
  StatCache& operator=(const StatCache&) = delete;

  Result<FileSha256> digest(const os::UniqueFd& directory, const std::string& name,
                            const struct ::stat& status);
  // Writes all entries, if any is new. Losing them costs time only.
  Result<void> save();

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  struct Entry {                                        // as it is in the file
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = 0;
    std::int64_t mtime_s = 0, ctime_s = 0;
    std::uint32_t mtime_ns = 0, ctime_ns = 0;
    std::uint32_t mode = 0;
    std::uint32_t unused = 0;
    FileSha256 sha256{};

    Key key() const { return {device, inode}; }
    bool is_of(const Entry& status) const;  // the same but for the digest
  };

  static Entry entry_of(const struct ::stat& status);
  const Entry* find(const Entry& wanted) const;

  const std::string path_;
  std::span<const Entry> entries_;             // of the file, sorted by device and inode; mapped
  std::unique_ptr<std::atomic<bool>[]> used_;  // of each, whether a file was found by it
  Guarded<std::map<Key, Entry>> added_;
};

}  // namespace lichen::ops
