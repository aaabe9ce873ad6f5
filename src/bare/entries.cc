#include "bare/entries.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "emulate/place.h"

namespace lichen::bare {

Answer<Entry> entry_at(const Call& call, Model& model, int dirfd, std::uint64_t address, int dots) {
  const Answer<std::string> path = call.task.read_path(address);
  if (!path) return tl::unexpected(path.error());
  return entry_of(call, model, dirfd, *path, dots);
}

Answer<Entry> entry_of(const Call& call, Model& model, int dirfd, const std::string& path,
                       int dots) {
  if (path.empty()) return refuse(ENOENT);
  Answer<Entry> entry = model.tree.find_entry(call, model, dirfd, path);
  if (!entry) return refuse(entry.error().number == EEXIST ? dots : entry.error().number);
  if (!call.task.valid()) return refuse(ESRCH);
  return entry;
}

TwoNames two_names(const emulate::Task& task, bool at) {
  if (!at) return {.from = task.arg(0), .to = task.arg(1)};
  return {task.int_arg(0), task.int_arg(2), task.arg(1), task.arg(3)};
}

Answer<struct statx> status_of(const Entry& entry) {
  const auto status = emulate::status_of(entry.directory.fd, entry.name);
  if (!status) return refuse(errno);
  return *status;
}

Answer<File> open_entry(const Entry& entry) {
  File file;
  file.mount = entry.directory.mount;
  file.fd = os::UniqueFd(
      ::openat(entry.directory.fd.get(), entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.fd.valid()) return refuse(errno);
  const auto status = emulate::status_of(file.fd);
  if (!status) return refuse(errno);
  file.status = *status;
  return file;
}

bool is_above_mount(const Model& model, const Entry& entry) {
  const auto directory = model.tree.seen_as(model.tree.real_path(entry.directory.fd));
  if (!directory) return false;
  const std::string path = (*directory == "/" ? "" : *directory) + "/" + entry.name + "/";
  for (const Mount& mount : model.tree.mounts()) {
    if (mount.target.compare(0, path.size(), path) == 0) return true;
  }
  return false;
}

}  // namespace lichen::bare
