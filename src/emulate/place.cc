#include "emulate/place.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace lichen::emulate {

namespace {

constexpr std::size_t kMaxText = 4095;  // what one lookup takes
constexpr int kMaxLinks = 8;            // of those that only the caller can follow

constexpr std::string_view kSelf[] = {"/proc/self", "/proc/thread-self"};

struct StandardStream {
  std::string_view path, own;
};
constexpr StandardStream kStreams[] = {
    {"/dev/stdin", "fd/0"}, {"/dev/stdout", "fd/1"}, {"/dev/stderr", "fd/2"}};

// The rest of `path` when it is `prefix` or beneath it: "" or "/…".
std::optional<std::string_view> beneath(std::string_view path, std::string_view prefix) {
  if (path.substr(0, prefix.size()) != prefix) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

std::string_view without_slashes(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  return path;
}

Place from_directory(os::UniqueFd base, std::string_view path, std::uint64_t resolve, Last last) {
  Place place{.base = std::move(base), .text = std::string(path), .resolve = resolve, .last = last};
  place.at = place.base.get();
  if (place.text.empty()) place.text = ".";
  return place;
}

os::UniqueFd open_in_proc(const Task& task, const std::string& name) {
  return os::UniqueFd(::openat(task.proc().get(), task.in_proc(name).c_str(), O_PATH | O_CLOEXEC));
}

std::string read_link(int at, const std::string& name) {
  std::array<char, kMaxText + 1> target{};
  const ssize_t bytes = ::readlinkat(at, name.c_str(), target.data(), target.size());
  if (bytes <= 0 || static_cast<std::size_t>(bytes) == target.size()) return {};
  return std::string(target.data(), static_cast<std::size_t>(bytes));
}

}  // namespace

std::optional<std::string> callers_own(std::string_view path, Last last) {
  for (const std::string_view self : kSelf) {
    const auto rest = beneath(path, self);
    // "/proc/self" itself is a symlink, which everybody sees alike.
    if (rest && (!rest->empty() || last == Last::kFollow)) {
      return std::string(without_slashes(*rest));
    }
  }
  if (const auto rest = beneath(path, "/dev/fd")) {
    if (!rest->empty() || last == Last::kFollow) return "fd" + std::string(*rest);
  }
  for (const StandardStream& stream : kStreams) {
    if (path == stream.path && last == Last::kFollow) return std::string(stream.own);
  }
  return std::nullopt;
}

Place locate(const Task& task, const Credentials& credentials, int dirfd, std::string_view path,
             Last last, std::uint64_t resolve) {
  const bool absolute = !path.empty() && path.front() == '/';
  if (absolute && resolve == 0) {
    if (const auto own = callers_own(path, last)) {
      return {.at = task.proc().get(), .text = task.in_proc(*own), .last = last};
    }
  }
  if (absolute && (credentials.own_root || (resolve & RESOLVE_IN_ROOT) != 0)) {
    // The caller's "/", or the directory that it wants to be one.
    const bool in_directory = (resolve & RESOLVE_IN_ROOT) != 0;
    const std::string root = !in_directory       ? "root"
                             : dirfd == AT_FDCWD ? "cwd"
                                                 : "fd/" + std::to_string(dirfd);
    return from_directory(open_in_proc(task, root), without_slashes(path),
                          resolve | RESOLVE_IN_ROOT, last);
  }
  if (absolute) {
    return {.at = AT_FDCWD, .text = std::string(path), .resolve = resolve, .last = last};
  }
  const std::string directory = dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(dirfd);
  std::string text = task.in_proc(directory);
  if (path.empty()) return {.at = task.proc().get(), .text = std::move(text)};
  if (credentials.own_root && resolve == 0) {
    // Its absolute symlinks start at its own root, so the walk must, too.
    const std::string root = read_link(task.proc().get(), task.in_proc("root"));
    const std::string here = read_link(task.proc().get(), text);
    const auto rest = root == "/" ? std::optional<std::string_view>(here) : beneath(here, root);
    if (!root.empty() && rest) {
      return from_directory(open_in_proc(task, "root"),
                            std::string(without_slashes(*rest)) + "/./" + std::string(path),
                            RESOLVE_IN_ROOT, last);
    }
  }
  if (resolve != 0 || text.size() + 1 + path.size() > kMaxText) {
    return from_directory(open_in_proc(task, directory), path, resolve, last);
  }
  text += '/';
  text += path;
  return {.at = task.proc().get(), .text = std::move(text), .last = last};
}

os::UniqueFd open_place(const Place& place, int flags) {
  flags |= O_CLOEXEC | (place.last == Last::kKeep ? O_NOFOLLOW : 0);
  if (place.at < 0 && place.at != AT_FDCWD) {
    errno = EBADF;
    return {};
  }
  if (place.resolve == 0) return os::UniqueFd(::openat(place.at, place.text.c_str(), flags));
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = place.resolve;
  return os::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, place.at, place.text.c_str(), &how, sizeof how)));
}

std::optional<struct statx> status_of(const Place& place, unsigned mask, int flags) {
  struct statx status {};
  if (place.resolve != 0 || (place.at < 0 && place.at != AT_FDCWD)) {
    const os::UniqueFd file = open_place(place, O_PATH);
    if (!file.valid() || ::statx(file.get(), "", flags | AT_EMPTY_PATH, mask, &status) != 0) {
      return std::nullopt;
    }
    return status;
  }
  if (place.last == Last::kKeep) flags |= AT_SYMLINK_NOFOLLOW;
  if (::statx(place.at, place.text.c_str(), flags, mask, &status) != 0) return std::nullopt;
  return status;
}

std::optional<struct statx> status_of(const os::UniqueFd& file) {
  struct statx status {};
  if (::statx(file.get(), "", AT_EMPTY_PATH, kStatusMask, &status) != 0) return std::nullopt;
  return status;
}

std::optional<struct statx> status_of(const os::UniqueFd& directory, const std::string& name) {
  struct statx status {};
  if (::statx(directory.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, kStatusMask, &status) != 0) {
    return std::nullopt;
  }
  return status;
}

os::UniqueFd open_path(const Task& task, const Credentials& credentials, int dirfd,
                       std::string_view path, Last last) {
  std::string at(path);
  for (int links = 0;; ++links) {
    os::UniqueFd file = open_place(locate(task, credentials, dirfd, at, last), O_PATH);
    if (file.valid() || errno != ENOENT || last == Last::kKeep || links == kMaxLinks) return file;
    const os::UniqueFd link = open_place(locate(task, credentials, dirfd, at, Last::kKeep), O_PATH);
    const std::string target = link.valid() ? read_link(link.get(), "") : std::string();
    if (target.empty()) {
      errno = ENOENT;
      return {};
    }
    at = target.front() == '/' ? target : split_last(at).parent + "/" + target;
  }
}

SplitPath split_last(std::string_view path) {
  SplitPath split;
  while (path.size() > 1 && path.back() == '/') {
    path.remove_suffix(1);
    split.slash_at_end = true;
  }
  const std::size_t slash = path.rfind('/');
  std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  if (name != "." && name != "..") split.name = name;
  if (slash == 0) {
    split.parent = "/";
  } else if (slash != path.npos) {
    split.parent = path.substr(0, slash);
  } else {
    split.parent = ".";
  }
  return split;
}

std::string canonical(const Task& task, const os::UniqueFd& file) {
  const std::string path = read_link(task.proc().get(), "self/fd/" + std::to_string(file.get()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.empty() || path.front() != '/') return {};
  if (path.size() > kDeleted.size() &&
      path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0) {
    return {};
  }
  return path;
}

}  // namespace lichen::emulate
