#include "bare/frozen.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "bare/model.h"
#include "bare/path.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

dev_t device_of(const struct statx& status) {
  return ::makedev(status.stx_dev_major, status.stx_dev_minor);
}

std::array<timespec, 2> times_of(const struct statx& status) {
  return {timespec{status.stx_atime.tv_sec, static_cast<long>(status.stx_atime.tv_nsec)},
          timespec{status.stx_mtime.tv_sec, static_cast<long>(status.stx_mtime.tv_nsec)}};
}

int errno_of(const Error& error) {
  return error.os_errno != 0 ? error.os_errno : EIO;
}

// Moves the copy into its place, which is no change of the directory.
int put_in_place(const os::UniqueFd& scratch, const std::string& temporary,
                 const os::UniqueFd& parent, const std::string& name) {
  struct statx before {};
  if (::statx(parent.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &before) != 0) return errno;
  if (::renameat(scratch.get(), temporary.c_str(), parent.get(), name.c_str()) != 0) return errno;
  const auto times = times_of(before);
  return ::utimensat(AT_FDCWD, os::proc_path(parent).c_str(), times.data(), 0) == 0 ? 0 : errno;
}

// 0 or errno.
int copy_regular(const File& file, const os::UniqueFd& scratch, const std::string& name,
                 bool truncate) {
  const os::UniqueFd to(
      ::openat(scratch.get(), name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!to.valid()) return errno;
  const Result<os::UniqueFd> from = os::reopen(file.fd, O_RDONLY);
  if (!from) return errno_of(from.error());
  if (!truncate) {
    const Result<std::uint64_t> copied = os::copy_content(*from, to);
    if (!copied) return errno_of(copied.error());
  }
  const auto attributes = os::list_xattrs(*from);
  if (!attributes) return errno_of(attributes.error());
  for (const auto& [key, value] : *attributes) {
    if (key.compare(0, 5, "user.") != 0) continue;
    const Result<void> set = os::set_xattr(to, key, value);
    if (!set) return errno_of(set.error());
  }
  if (::fchmod(to.get(), file.status.stx_mode & 07777) != 0) return errno;
  return truncate || ::futimens(to.get(), times_of(file.status).data()) == 0 ? 0 : errno;
}

int copy_special(const File& file, const os::UniqueFd& scratch, const std::string& name) {
  const mode_t mode = file.status.stx_mode;
  if (S_ISLNK(mode)) {
    std::array<char, 4097> target{};
    if (::readlinkat(file.fd.get(), "", target.data(), target.size() - 1) <= 0) return errno;
    if (::symlinkat(target.data(), scratch.get(), name.c_str()) != 0) return errno;
  } else if (::mknodat(scratch.get(), name.c_str(), mode, 0) != 0) {
    return errno;
  }
  const auto times = times_of(file.status);
  return ::utimensat(scratch.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0 ? 0
                                                                                          : errno;
}

}  // namespace

Frozen::Frozen(std::unordered_map<ino_t, nlink_t> files, std::unordered_set<ino_t> directories,
               dev_t device, os::UniqueFd scratch)
    : files_(std::move(files)),
      directories_(std::move(directories)),
      device_(device),
      scratch_(std::move(scratch)) {}

bool Frozen::holds(const struct statx& status) const {
  return !S_ISDIR(status.stx_mode) && device_of(status) == device_ &&
         files_.find(status.stx_ino) != files_.end();
}

bool Frozen::is_lower_directory(const struct statx& status) const {
  return S_ISDIR(status.stx_mode) && device_of(status) == device_ &&
         directories_.find(status.stx_ino) != directories_.end();
}

std::optional<nlink_t> Frozen::links(const struct statx& status) const {
  if (S_ISDIR(status.stx_mode) || device_of(status) != device_) return std::nullopt;
  const auto found = files_.find(status.stx_ino);
  return found == files_.end() ? std::nullopt : std::optional<nlink_t>(found->second);
}

void Frozen::hold_fifos(std::unordered_map<ino_t, struct ::timespec> modified) {
  fifos_ = std::move(modified);
}

std::optional<struct ::timespec> Frozen::modified(const struct statx& status) {
  if (!S_ISFIFO(status.stx_mode) || device_of(status) != device_) return std::nullopt;
  const auto found = fifos_.find(status.stx_ino);
  if (found == fifos_.end()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (changed_fifos_.count(status.stx_ino) != 0) return std::nullopt;
  return found->second;
}

void Frozen::note_change(const struct statx& status) {
  if (!S_ISFIFO(status.stx_mode) || device_of(status) != device_) return;
  const std::lock_guard lock(mutex_);
  changed_fifos_.insert(status.stx_ino);
}

std::unordered_set<ino_t> Frozen::changed_fifos() {
  const std::lock_guard lock(mutex_);
  return changed_fifos_;
}

Answer<void> Frozen::copy_up(Model& model, File& file, bool truncate) {
  note_change(file.status);
  if (!holds(file.status)) return {};
  const std::lock_guard lock(mutex_);
  os::UniqueFd parent;
  std::string name;
  if (auto place = place_of(model, file)) {
    parent = std::move(place->first);
    name = std::move(place->second);
    if (auto copied = copy_at(parent, name, file.status.stx_ino)) {  // while we waited
      copied->mount = file.mount;
      file = std::move(*copied);
      return {};
    }
  }
  const std::string temporary = "copy-" + std::to_string(copies_++);
  const int error = S_ISREG(file.status.stx_mode)
                        ? copy_regular(file, scratch_, temporary, truncate)
                        : copy_special(file, scratch_, temporary);
  Answer<File> copy = refuse(error);
  if (error == 0) {
    copy = to_file(
        os::UniqueFd(::openat(scratch_.get(), temporary.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)),
        file.mount);
  }
  if (copy) {
    const auto record = model.root.files.find(file.status);
    if (record && !model.root.files.put(copy->status, *record)) copy = refuse(ENOMEM);
  }
  struct statx now {};
  const bool in_place =
      copy && parent.valid() &&
      ::statx(parent.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO, &now) == 0 &&
      now.stx_ino == file.status.stx_ino;
  if (in_place) {
    const int failure = put_in_place(scratch_, temporary, parent, name);
    if (failure != 0) copy = refuse(failure);
  }
  if (!copy || !in_place) ::unlinkat(scratch_.get(), temporary.c_str(), 0);
  if (!copy) return tl::unexpected(copy.error());
  if (in_place) copied_from_.insert_or_assign(copy->status.stx_ino, file.status.stx_ino);
  file = std::move(*copy);
  return {};
}

std::optional<std::pair<os::UniqueFd, std::string>> Frozen::place_of(const Model& model,
                                                                     const File& file) const {
  constexpr std::string_view kDeleted = " (deleted)";
  std::array<char, 4096> text{};
  const ssize_t bytes = ::readlink(os::proc_path(file.fd).c_str(), text.data(), text.size());
  if (bytes <= 0) return std::nullopt;
  std::string real(text.data(), static_cast<std::size_t>(bytes));
  if (real.size() > kDeleted.size() && model.tree.real_path(file.fd).empty()) {
    real.resize(real.size() - kDeleted.size());
  }
  const auto seen = model.tree.seen_as(real);
  if (!seen) return std::nullopt;
  // Without following symlinks: one that was put in the way since might lead into a layer.
  os::UniqueFd parent = model.tree.open_plain(parent_of(*seen));
  if (!parent.valid()) return std::nullopt;
  return std::pair(std::move(parent), std::string(name_of(*seen)));
}

std::optional<File> Frozen::copy_at(const os::UniqueFd& parent, const std::string& name,
                                    ino_t original) const {
  Answer<File> now = to_file(
      os::UniqueFd(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), nullptr);
  if (!now) return std::nullopt;
  const auto known = copied_from_.find(now->status.stx_ino);
  if (known == copied_from_.end() || known->second != original) return std::nullopt;
  return std::move(*now);
}

}  // namespace lichen::bare
