#include "emulate/copy_up.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "emulate/place.h"
#include "emulate/target.h"

namespace lichen::emulate {

namespace {

// The number that the upper layer gives the file, if it shows another one now.
std::optional<struct statx> status_after_eviction(const Task& task, const Model& model,
                                                  const os::UniqueFd& file,
                                                  const struct statx& now) {
  if (!model.upper.valid()) return std::nullopt;
  const std::string path = canonical(task, file);
  const std::string& root = model.root_path;
  if (path.empty() || path.compare(0, root.size(), root) != 0) return std::nullopt;
  const Place place{.at = model.upper.get(),
                    .text = "./" + path.substr(root.size()),
                    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
                    .last = Last::kKeep};
  const os::UniqueFd copy = open_place(place, O_PATH);
  const auto status = copy.valid() ? status_of(copy) : std::nullopt;
  if (!status || status->stx_ino == now.stx_ino) return std::nullopt;
  struct statx later = now;
  later.stx_ino = status->stx_ino;
  later.stx_btime = status->stx_btime;
  return later;
}

constexpr std::uint64_t kChanging = O_ACCMODE | O_TRUNC;  // of an open's flags

bool copies(std::uint64_t open_flags) {
  return (open_flags & kChanging) != 0 && (open_flags & O_PATH) == 0;
}

// Opens copy regular files alone, and only for writing.
bool may_copy_up(const Task& task, std::optional<std::uint32_t> mode) {
  const bool is_regular = !mode || S_ISREG(*mode);
  switch (task.nr()) {
    case SYS_openat:
      return is_regular && copies(task.arg(2));
    case SYS_openat2:
      return is_regular;  // its flags are in memory
#ifdef __x86_64__
    case SYS_open:
      return is_regular && copies(task.arg(1));
    case SYS_creat:
      return is_regular;
#endif
    default:
      return true;
  }
}

// A change of nothing: a regular file keeps its mode, and others, which have no setuid bits to
// lose, their owner.
bool copy_up(const Task& task, const os::UniqueFd& file, const struct statx& status) {
  if (!S_ISREG(status.stx_mode)) {
    return ::fchownat(file.get(), "", static_cast<uid_t>(-1), static_cast<gid_t>(-1),
                      AT_EMPTY_PATH) == 0;
  }
  const std::string path = "self/fd/" + std::to_string(file.get());
  return ::fchmodat(task.proc().get(), path.c_str(), status.stx_mode & 07777, 0) == 0;
}

}  // namespace

bool put_copied(const Task& task, Model& model, const os::UniqueFd& file, const struct statx& now,
                const owners::Record& record) {
  if (!model.files.put(now, record)) return false;
  if (!model.files.any_fragile() && !is_fragile(now)) return true;
  const auto later = status_after_eviction(task, model, file, now);
  return !later || model.files.put(*later, record);
}

void keep_record(const Task& task, Model& model) {
  if (!may_copy_up(task, std::nullopt)) return;
  const auto target = target_of(task);
  if (!target) return;
  const auto credentials =
      model.profile == Profile::kDevices ? model.who_looks(task) : model.credentials.of(task.tid());
  const os::UniqueFd file = open_target(task, *credentials, *target);
  const auto before = file.valid() ? status_of(file) : std::nullopt;
  if (!before || !is_fragile(*before) || !may_copy_up(task, before->stx_mode)) return;
  const auto record = model.files.find(*before);
  if (!record || !task.valid() || !copy_up(task, file, *before)) return;
  if (const auto now = status_of(file)) put_copied(task, model, file, *now, *record);
}

}  // namespace lichen::emulate
