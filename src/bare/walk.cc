#include "bare/walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "bare/model.h"

namespace lichen::bare {

namespace {

constexpr int kMaxLinks = 40;                  // as the kernel follows
constexpr std::size_t kMaxPending = 1u << 20;  // 40 links of a page, each with what was behind it
constexpr std::string_view kSelf = "self", kThreadSelf = "thread-self";

bool is_directory(const File& file) {
  return S_ISDIR(file.status.stx_mode);
}

bool is_link(const File& file) {
  return S_ISLNK(file.status.stx_mode);
}

std::string read_link(const os::UniqueFd& at, const char* name) {
  std::array<char, 4096> target{};
  const ssize_t bytes = ::readlinkat(at.get(), name, target.data(), target.size());
  return bytes > 0 ? std::string(target.data(), static_cast<std::size_t>(bytes)) : std::string();
}

std::string_view skip_slashes(std::string_view path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  return path;
}

}  // namespace

Walk::Walk(const Tree& tree, const Call& call, Model& model, const emulate::Credentials* who)
    : tree_(tree), call_(call), model_(model), who_(who) {
  if (who != nullptr) root_ = model.roots.path(who->root_number);
}

std::optional<std::string_view> Walk::path_in_proc() const {
  if (at_.mount == nullptr || at_.mount->kind != Mount::Kind::kProc || !path_) return std::nullopt;
  return beneath(*path_, at_.mount->target);
}

bool Walk::may_search_here() const {
  return who_ == nullptr || permits(model_, *who_, at_, X_OK);
}

Answer<void> Walk::start(int dirfd) {
  const Tree::Base base = tree_.base_of(call_.task, dirfd);
  if (!base.exists) return refuse(dirfd == AT_FDCWD ? ENOENT : EBADF);
  const std::string name =
      call_.task.in_proc(dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(dirfd));
  auto directory = tree_.take(os::UniqueFd(::openat(call_.task.proc().get(), name.c_str(),
                                                    O_PATH | O_DIRECTORY | O_CLOEXEC)),
                              model_);
  if (!directory) return tl::unexpected(directory.error());
  at_ = std::move(directory->file);
  if (at_.mount == nullptr) at_.mount = &tree_.root();  // too deep to have a path
  path_ = base.seen;
  if (path_ == "/") path_->clear();
  return {};
}

Answer<void> Walk::restart(std::string path) {
  Answer<File> directory = to_file(tree_.open_plain(path), &tree_.mount_at(path));
  if (!directory) return tl::unexpected(directory.error());
  if (!is_directory(*directory)) return refuse(ENOTDIR);
  at_ = std::move(*directory);
  path_ = std::move(path);
  return {};
}

Answer<void> Walk::go_up() {
  if (!path_) return refuse(ENOENT);
  if (*path_ == root_ || path_->empty()) return {};
  // By its path, not by "..": that would lead wherever somebody has moved the directory to.
  return restart(std::string(parent_of(*path_)));
}

Answer<File> Walk::open_in_proc(std::string_view name) const {
  const auto in_proc = path_in_proc();
  if (in_proc->empty()) {
    const pid_t pid = process_of(name);
    if (pid != 0 && !model_.processes.has(pid)) return refuse(ENOENT);
  }
  return to_file(os::UniqueFd(::openat(at_.fd.get(), std::string(name).c_str(),
                                       O_PATH | O_NOFOLLOW | O_CLOEXEC)),
                 at_.mount);
}

Answer<File> Walk::open_name(std::string_view name) const {
  if (path_) {
    const Mount* mount = tree_.mount_on(*path_ + "/" + std::string(name));
    if (mount != nullptr) {
      return to_file(os::UniqueFd(::fcntl(mount->fd.get(), F_DUPFD_CLOEXEC, 0)), mount);
    }
  }
  if (path_in_proc()) return open_in_proc(name);
  return to_file(os::UniqueFd(::openat(at_.fd.get(), std::string(name).c_str(),
                                       O_PATH | O_NOFOLLOW | O_CLOEXEC)),
                 at_.mount);
}

std::string Walk::target_of(const File& link, std::string_view name) const {
  const auto in_proc = path_in_proc();
  if (in_proc && in_proc->empty() && (name == kSelf || name == kThreadSelf)) {
    const auto caller = call_.task.status();  // the link's own text would be us
    if (!caller) return {};
    const std::string process = std::to_string(caller->process);
    return name == kSelf ? process : process + "/task/" + std::to_string(call_.task.tid());
  }
  return read_link(link.fd, "");
}

Answer<Walk::Followed> Walk::follow_magic(const std::string& name, Magic magic, bool is_end) {
  const std::string link = *path_ + "/" + name;
  const int process = process_of(*beneath(link, at_.mount->target));
  if (magic == Magic::kRoot) {
    const auto theirs = model_.root.credentials.of(process);
    const Answer<void> there = restart(model_.roots.path(theirs->root_number));
    if (!there) return tl::unexpected(there.error());
    return Followed{};
  }
  if (magic == Magic::kExe) {
    const std::string program = executable_of(model_, process);
    if (program.empty()) return refuse(ENOENT);
    const Answer<void> top = restart("");
    if (!top) return tl::unexpected(top.error());
    return Followed{.target = program};
  }
  auto taken =
      tree_.take(os::UniqueFd(::openat(at_.fd.get(), name.c_str(), O_PATH | O_CLOEXEC)), model_);
  if (!taken) return tl::unexpected(taken.error());
  File& file = taken->file;
  file.link = link;
  if (is_end || !is_directory(file)) return Followed{.file = std::move(file)};
  at_ = std::move(file);
  path_ = tree_.seen_as(taken->real);
  if (path_ == "/") path_->clear();
  return Followed{};
}

Answer<Walk::Followed> Walk::follow(const File& link, const std::string& name, bool is_end) {
  const auto in_proc = path_in_proc();
  const Magic magic = in_proc ? magic_of(std::string(*in_proc) + "/" + name) : Magic::kNone;
  if (magic != Magic::kNone) return follow_magic(name, magic, is_end);
  Followed followed{.target = target_of(link, name)};
  if (followed.target.empty()) return refuse(ENOENT);
  if (followed.target.front() == '/') {
    const Answer<void> top = restart(root_);
    if (!top) return tl::unexpected(top.error());
  }
  return followed;
}

Answer<Walk::Found> Walk::walk(int dirfd, std::string_view path, Goal goal, bool follow_last) {
  if (path.empty()) return refuse(ENOENT);
  const Answer<void> begun = path.front() == '/' ? restart(root_) : start(dirfd);
  if (!begun) return tl::unexpected(begun.error());
  std::string pending(path);
  std::string_view rest = skip_slashes(pending);
  for (int links = 0; !rest.empty();) {
    std::string name(rest.substr(0, rest.find('/')));
    rest.remove_prefix(name.size());
    const bool slash = !rest.empty();
    rest = skip_slashes(rest);
    const bool is_last = rest.empty();
    if (!may_search_here()) return refuse(EACCES);
    if (name == "." || name == "..") {
      if (is_last && goal == Goal::kEntry) return refuse(EEXIST);
      const Answer<void> moved = name == ".." ? go_up() : Answer<void>();
      if (!moved) return tl::unexpected(moved.error());
      continue;
    }
    if (is_last && goal == Goal::kEntry && !follow_last) {
      return Found{std::move(at_), std::move(name), slash};
    }
    // The step's first process is its init.
    const auto in_proc = path_in_proc();
    if (in_proc && in_proc->empty() && name == "1" && model_.processes.first() != 0) {
      name = std::to_string(model_.processes.first());
    }
    Answer<File> child = open_name(name);
    const bool is_target = is_last && goal == Goal::kEntry;
    if (is_target && (child ? !is_link(*child) : child.error().number == ENOENT)) {
      return Found{std::move(at_), std::move(name), slash};
    }
    if (!child) return tl::unexpected(child.error());
    if (is_link(*child)) {
      if (is_last && !slash && !follow_last) return Found{std::move(*child), {}, false};
      if (++links > kMaxLinks) return refuse(ELOOP);
      Answer<Followed> followed = follow(*child, name, is_last && !slash);
      if (!followed) return tl::unexpected(followed.error());
      if (followed->file) {
        if (is_target) return refuse(EEXIST);
        if (!is_last || slash) return refuse(ENOTDIR);
        return Found{std::move(*followed->file), {}, false};
      }
      std::string target = std::move(followed->target);
      if (target.empty()) continue;
      if (slash) target += "/" + std::string(rest);
      if (target.size() > kMaxPending) return refuse(ENAMETOOLONG);
      pending = std::move(target);
      rest = skip_slashes(pending);
      continue;
    }
    if (is_last && !slash) return Found{std::move(*child), {}, false};
    if (!is_directory(*child)) return refuse(ENOTDIR);
    at_ = std::move(*child);
    if (path_) *path_ += "/" + name;
  }
  if (goal == Goal::kEntry) return refuse(EEXIST);  // "/", or what a magic link led to
  return Found{std::move(at_), {}, false};
}

Answer<File> Walk::find(int dirfd, std::string_view path, Last last) {
  Answer<Found> found = walk(dirfd, path, Goal::kFile, last == Last::kFollow);
  if (!found) return tl::unexpected(found.error());
  return std::move(found->file);
}

Answer<Entry> Walk::find_entry(int dirfd, std::string_view path, Links links) {
  Answer<Found> found = walk(dirfd, path, Goal::kEntry, links == Links::kFollow);
  if (!found) return tl::unexpected(found.error());
  Entry entry{.directory = std::move(found->file),
              .name = std::move(found->name),
              .slash_at_end = found->slash};
  entry.is_mount = path_ && tree_.mount_on(*path_ + "/" + entry.name) != nullptr;
  return entry;
}

}  // namespace lichen::bare
