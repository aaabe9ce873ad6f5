#include "bare/creation.h"

#include "bare/entries.h"
#include "bare/subject.h"
#include "emulate/create.h"

namespace lichen::bare {

Answer<Creation> decide_creation(const Call& call, const Model& model,
                                 const emulate::Credentials& credentials, const File& directory) {
  Creation creation;
  creation.has_record = has_record(directory);
  if (is_read_only(directory)) return refuse(EROFS);
  if (creation.has_record) {
    const emulate::Owned owned = model.owned(directory);
    const auto record = emulate::decide_creation(credentials, owned);
    if (!record) return tl::unexpected(record.error());
    creation.record = *record;
    creation.setgid_directory = (owned.mode & S_ISGID) != 0;
  }
  const auto caller = call.task.status();
  if (!caller || !call.task.valid()) return refuse(ESRCH);
  creation.mask = caller->umask;
  return creation;
}

Answer<Creation> decide_creation(const Call& call, const Model& model,
                                 const emulate::Credentials& credentials, const Entry& entry) {
  if (entry.is_mount) return refuse(EEXIST);
  Answer<Creation> creation = decide_creation(call, model, credentials, entry.directory);
  if (!creation && status_of(entry)) return refuse(EEXIST);
  return creation;
}

std::uint32_t real_mode(const Creation& creation, std::uint32_t mode, bool is_directory) {
  if (!creation.has_record) return mode;
  return (mode & 0777) | (is_directory ? 0700u : 0600u);
}

int keep_new(Model& model, const Creation& creation, const os::UniqueFd& file, std::uint32_t mode) {
  if (!creation.has_record) return 0;
  return model.put(file, creation.record, mode) ? 0 : ENOMEM;
}

}  // namespace lichen::bare
