#include "bare/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "bare/devices.h"
#include "bare/model.h"
#include "bare/path.h"
#include "bare/walk.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxText = 4095;  // what one lookup takes
constexpr std::string_view kDeleted = " (deleted)";

os::UniqueFd openat2(int at, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  return os::UniqueFd(static_cast<int>(::syscall(SYS_openat2, at, path, &how, sizeof how)));
}

// "a/b" from `directory`, no symlink followed: for kernels without openat2.
os::UniqueFd open_names(const os::UniqueFd& directory, std::string_view rest, int flags) {
  os::UniqueFd at;
  while (true) {
    while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
    const std::string name(rest.substr(0, rest.find('/')));
    rest.remove_prefix(name.size());
    if (name.empty()) return at;
    const int from = at.valid() ? at.get() : directory.get();
    const bool is_last = rest.find_first_not_of('/') == rest.npos;
    at = os::UniqueFd(::openat(from, name.c_str(),
                               is_last ? flags | O_PATH | O_NOFOLLOW | O_CLOEXEC
                                       : O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    if (!at.valid()) return at;
  }
}

std::string directory_in_proc(const emulate::Task& task, int dirfd) {
  return task.in_proc(dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(dirfd));
}

std::string read_link(int at, const char* name) {
  std::array<char, kMaxText + 1> target{};
  const ssize_t bytes = ::readlinkat(at, name, target.data(), target.size());
  return bytes > 0 ? std::string(target.data(), static_cast<std::size_t>(bytes)) : std::string();
}

bool is_directory(const File& file) {
  return S_ISDIR(file.status.stx_mode);
}

}  // namespace

Answer<File> to_file(os::UniqueFd fd, const Mount* mount) {
  if (!fd.valid()) return refuse(errno);
  File file{.fd = std::move(fd), .mount = mount};
  if (::statx(file.fd.get(), "", AT_EMPTY_PATH, emulate::kStatusMask, &file.status) != 0) {
    return refuse(errno);
  }
  return file;
}

Result<Tree> Tree::make(std::vector<Mount> mounts, bool may_openat2) {
  if (mounts.empty() || !mounts.front().target.empty()) {
    return fail(Errc::kInternal, "the first mount of a step is not its root");
  }
  for (const Mount& mount : mounts) {
    if (mount.fd.valid()) continue;
    return fail(Errc::kInternal, "mount " + mount.target + " is not open");
  }
  Tree tree;
  tree.mounts_ = std::move(mounts);
  tree.outside_ = std::make_unique<Mount>();
  tree.outside_->kind = Mount::Kind::kHost;
  // A container runtime's filter may say EPERM instead of ENOSYS.
  tree.has_openat2_ =
      may_openat2 && openat2(tree.root().fd.get(), ".", O_PATH, RESOLVE_BENEATH).valid();
  return tree;
}

const Mount& Tree::mount_at(std::string_view seen) const {
  const Mount* best = &mounts_.front();
  for (std::size_t i = 1; i < mounts_.size(); ++i) {
    const Mount& mount = mounts_[i];
    if (mount.target.size() >= best->target.size() && beneath(seen, mount.target)) best = &mount;
  }
  return *best;
}

const Mount* Tree::mount_on(std::string_view seen) const {
  for (std::size_t i = mounts_.size(); i > 1; --i) {
    if (mounts_[i - 1].target == seen) return &mounts_[i - 1];
  }
  return nullptr;
}

std::optional<std::string> Tree::seen_as(std::string_view real_path) const {
  std::optional<std::string> seen;
  std::size_t matched = 0;
  for (const Mount& mount : mounts_) {
    const auto rest = beneath(real_path, mount.source);
    if (!rest || (seen && mount.source.size() < matched)) continue;
    std::string candidate = mount.target + std::string(*rest);
    if (&mount_at(candidate) != &mount) continue;  // covered
    seen = candidate.empty() ? "/" : std::move(candidate);
    matched = mount.source.size();
  }
  return seen;
}

const Mount* Tree::mount_of_real(std::string_view real_path) const {
  if (real_path.empty() || real_path.front() != '/') return nullptr;
  if (real_path.size() > kDeleted.size() &&
      real_path.substr(real_path.size() - kDeleted.size()) == kDeleted) {
    real_path.remove_suffix(kDeleted.size());
  }
  const auto seen = seen_as(real_path);
  return seen ? &mount_at(*seen) : outside_.get();
}

std::string Tree::real_path(const os::UniqueFd& file) const {
  const std::string link = "/proc/self/fd/" + std::to_string(file.get());
  std::string path = read_link(AT_FDCWD, link.c_str());
  if (path.empty() || path.front() != '/' || path.size() > kMaxText) return {};
  if (path.size() <= kDeleted.size() ||
      path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) != 0) {
    return path;
  }
  // It may really be called so.
  struct statx named {
  }, open{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0 ||
      ::statx(file.get(), "", AT_EMPTY_PATH, STATX_INO, &open) != 0 ||
      named.stx_ino != open.stx_ino || named.stx_dev_minor != open.stx_dev_minor) {
    return {};
  }
  return path;
}

Answer<Tree::Taken> Tree::take(os::UniqueFd fd, const Model& model) const {
  Answer<File> file = to_file(std::move(fd), nullptr);
  if (!file) return tl::unexpected(file.error());
  const std::string link = "/proc/self/fd/" + std::to_string(file->fd.get());
  Taken taken{std::move(*file), read_link(AT_FDCWD, link.c_str())};
  taken.file.mount = mount_of_real(taken.real);
  if (is_foreign(taken, model)) return refuse(EACCES);
  return taken;
}

bool Tree::is_foreign(const Taken& taken, const Model& model) const {
  const Mount* mount = taken.file.mount;
  const struct statx& status = taken.file.status;
  if (mount == nullptr) return false;
  if (mount->kind == Mount::Kind::kProc) {
    const int process = process_of(*beneath(taken.real, mount->source));
    return process != 0 && !model.processes.has(process) &&
           ::faccessat(mount->fd.get(), std::to_string(process).c_str(), F_OK, 0) == 0;
  }
  if (mount != outside_.get()) return false;
  if (status.stx_nlink == 0) return false;  // a memfd
  if (S_ISCHR(status.stx_mode) && is_known_node(status.stx_rdev_major, status.stx_rdev_minor)) {
    return false;
  }
  if (S_ISFIFO(status.stx_mode) && !model.fifos.directory().empty() &&
      beneath(taken.real, model.fifos.directory())) {
    return false;  // a name that was lent for the open
  }
  return !model.was_given(status) && !beneath(taken.real, model.texts);
}

os::UniqueFd Tree::open_beneath(const Mount& mount, const std::string& rest, int flags,
                                std::uint64_t resolve) const {
  if (rest.find_first_not_of('/') == rest.npos) {
    return os::UniqueFd(::fcntl(mount.fd.get(), F_DUPFD_CLOEXEC, 0));
  }
  if (!has_openat2_) return open_names(mount.fd, rest, flags);
  const bool in_root = (resolve & RESOLVE_IN_ROOT) != 0;
  const char* text = rest.c_str();
  while (!in_root && *text == '/') ++text;
  return openat2(mount.fd.get(), text, flags | O_PATH, resolve);
}

os::UniqueFd Tree::open_plain(std::string_view seen) const {
  const Mount& mount = mount_at(seen);
  const std::string rest(seen.substr(mount.target.size()));
  return open_beneath(mount, rest, O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Tree::Base Tree::base_of(const emulate::Task& task, int dirfd) const {
  Base base;
  base.real = read_link(task.proc().get(), directory_in_proc(task, dirfd).c_str());
  if (base.real.empty()) {
    base.exists = errno == ENAMETOOLONG;  // deeper than a path may be long
    return base;
  }
  base.exists = true;
  base.is_directory = base.real.front() == '/';
  const std::string_view end = std::string_view(base.real).substr(
      base.real.size() - std::min(base.real.size(), kDeleted.size()));
  if (base.is_directory && end != kDeleted && base.real.size() <= kMaxText) {
    base.seen = seen_as(base.real);
  }
  return base;
}

// One openat2 that refuses symlinks finds most files, and knows for sure that one is not there:
// without symlinks a path is what it looks like, and no mount is on the way. Where it met a
// symlink, a second one follows them, and the real path of what it found tells whether a mount was
// missed.
std::optional<Answer<File>> Tree::open_fast(std::string_view path, Last last) const {
  const Lexical lexical = to_lexical(path);
  const Mount& mount = mount_at(lexical.path);
  const bool in_root = &mount == &root();
  if (mount.kind == Mount::Kind::kProc) return std::nullopt;
  for (const std::string& turn : lexical.turns) {
    if (!in_root || &mount_at(turn) != &mount) return std::nullopt;
  }
  std::string rest = in_root ? std::string(path) : lexical.path.substr(mount.target.size());
  if (!in_root && lexical.slash_at_end && !rest.empty()) rest += '/';
  const int flags = last == Last::kKeep ? O_NOFOLLOW : 0;
  os::UniqueFd fd = open_beneath(
      mount, rest, flags, (in_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH) | RESOLVE_NO_SYMLINKS);
  if (fd.valid()) {
    Answer<File> file = to_file(std::move(fd), &mount);
    if (file && lexical.slash_at_end && !is_directory(*file)) return refuse(ENOTDIR);
    return file;
  }
  if (errno == EAGAIN || (errno == ELOOP && !in_root)) return std::nullopt;
  if (errno != ELOOP) return refuse(errno);
  fd = open_beneath(mount, rest, flags, RESOLVE_IN_ROOT);
  if (!fd.valid()) return std::nullopt;
  const std::string real = real_path(fd);
  const auto seen = beneath(real, root().source);
  if (real.empty() || !seen || &mount_at(*seen) != &mount) return std::nullopt;
  return to_file(std::move(fd), &mount);
}

Answer<File> Tree::open(const Call& call, Model& model, int dirfd, std::string_view path,
                        Last last) const {
  if (path.empty()) {
    const std::string name = directory_in_proc(call.task, dirfd);
    os::UniqueFd fd(::openat(call.task.proc().get(), name.c_str(), O_PATH | O_CLOEXEC));
    if (!fd.valid()) return refuse(EBADF);
    Answer<Taken> taken = take(std::move(fd), model);
    if (!taken) return tl::unexpected(taken.error());
    taken->file.link = "/proc/" + name;
    return std::move(taken->file);
  }
  const auto who = model.who_looks(call);
  if (who == nullptr && has_openat2_) {
    std::string text;
    if (path.front() != '/') {
      const Base base = base_of(call.task, dirfd);
      if (!base.exists) return refuse(dirfd == AT_FDCWD ? ENOENT : EBADF);
      if (!base.is_directory) return refuse(ENOTDIR);
      if (base.seen) text = *base.seen + "/" + std::string(path);
    } else {
      text = path;
    }
    if (!text.empty() && text.size() <= kMaxText) {
      if (auto file = open_fast(text, last)) return std::move(*file);
    }
  }
  return Walk(*this, call, model, who.get()).find(dirfd, path, last);
}

Answer<Entry> Tree::find_entry(const Call& call, Model& model, int dirfd,
                               std::string_view path) const {
  if (path.empty()) return refuse(ENOENT);
  const auto who = model.who_looks(call);
  if (who != nullptr || !has_openat2_) {
    return Walk(*this, call, model, who.get()).find_entry(dirfd, path, Walk::Links::kKeep);
  }
  emulate::SplitPath split = emulate::split_last(path);
  if (split.name.empty()) {
    const Answer<File> there = open(call, model, dirfd, path, Last::kFollow);
    return refuse(there ? EEXIST : there.error().number);
  }
  Answer<File> directory = open(call, model, dirfd, split.parent, Last::kFollow);
  if (!directory) return tl::unexpected(directory.error());
  if (!is_directory(*directory)) return refuse(ENOTDIR);
  Entry entry{.directory = std::move(*directory),
              .name = std::move(split.name),
              .slash_at_end = split.slash_at_end};
  for (const Mount& mount : mounts_) {
    if (name_of(mount.target) != entry.name) continue;
    const auto seen = seen_as(real_path(entry.directory.fd));
    const std::string_view parent = seen && *seen != "/" ? *seen : std::string_view();
    entry.is_mount |= seen && mount.target == std::string(parent) + "/" + entry.name;
  }
  return entry;
}

Answer<Entry> Tree::follow_entry(const Call& call, Model& model, int dirfd,
                                 std::string_view path) const {
  const auto who = model.who_looks(call);
  if (who == nullptr && has_openat2_) {
    Answer<Entry> entry = find_entry(call, model, dirfd, path);
    if (!entry) return entry;
    struct statx status {};
    if (::statx(entry->directory.fd.get(), entry->name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE,
                &status) != 0 ||
        !S_ISLNK(status.stx_mode)) {
      return entry;
    }
  }
  return Walk(*this, call, model, who.get()).find_entry(dirfd, path, Walk::Links::kFollow);
}

}  // namespace lichen::bare
