// Digests of context files, remembered between builds by what stat(2) says of them, so that an
// unchanged context costs one stat a file and no read.
//
// An entry counts when device, inode, size, mtime, ctime and mode are the same *and* the file had
// been left alone before its digest was taken (git's racy rule: an mtime or ctime not older than
// the moment of recording is not trusted). The file (docs/formats/store.md, Stat cache) is replaced
// as a whole by rename; a damaged one is dropped. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <string>
#include <unordered_map>

#include "base/digest.h"
#include "base/guarded.h"
#include "base/result.h"
#include "os/fd.h"

namespace lichen::ops {

class StatCache {
 public:
  explicit StatCache(std::string path);  // loads what is there

  Result<Digest> digest(const os::UniqueFd& directory, const std::string& name,
                        const struct ::stat& status);
  // Writes all entries, if any is new. Losing them costs time only.
  Result<void> save();

 private:
  struct Entry {
    struct ::timespec mtime {
    }, ctime{};
    off_t size = 0;
    mode_t mode = 0;
    Digest digest;
  };
  struct Entries {
    std::unordered_map<std::string, Entry> by_inode;  // "device:inode"
    bool changed = false;
  };

  std::string path_;
  Guarded<Entries> entries_;
};

}  // namespace lichen::ops
