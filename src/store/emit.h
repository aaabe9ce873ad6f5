// Files of layer directories as tar entries. Internal to store.
//
// Names of one file after the first become hard links, within one Emitter. Sockets are left out:
// tar has none.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>

#include "archive/entry.h"
#include "archive/tar_writer.h"
#include "os/fd.h"
#include "owners/record.h"
#include "store/tree.h"

namespace lichen::store {

class Emitter {
 public:
  Emitter(Tier tier, const owners::Owners& owners, const DiffOptions& options,
          archive::TarWriter& tar)
      : tier_(tier), owners_(owners), options_(options), tar_(tar) {}

  // `path` in the image; `status` is that of the open directory.
  Result<void> directory(const os::UniqueFd& fd, const std::string& path,
                         const struct ::stat& status);
  // The file `name` (which may be a path without symlinks) of `directory`.
  Result<void> file(const os::UniqueFd& directory, const std::string& name, const std::string& path,
                    const struct ::stat& status);
  // An empty file: whiteouts.
  Result<void> marker(const std::string& path);

 private:
  archive::Entry entry_of(const std::string& path, const struct ::stat& status) const;
  Result<void> content(const os::UniqueFd& fd, const archive::Entry& entry);
  std::string placed(const std::string& path) const;

  Tier tier_;
  const owners::Owners& owners_;
  DiffOptions options_;
  archive::TarWriter& tar_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first names
  std::string buffer_;
};

}  // namespace lichen::store
