// A file as a program names it, (directory descriptor, path), turned into how the Supervisor names
// the same file. The Supervisor shares the container's mounts and root, but not the caller's
// current directory and descriptors: those are reached through the outer /proc, and so is what the
// caller means by /proc/self, /dev/fd and /dev/stdin, because /proc/self of a process outside of
// the pid namespace is nothing.
//
//   Place place = locate(task, credentials, dirfd, path, Last::kFollow);
//   os::UniqueFd file = open_place(place, O_PATH);
//   if (!file.valid() || !task.valid()) return Continue{};
//
// A Place is a name, not a file: open once, then act on the descriptor. All opens are O_PATH or
// O_NONBLOCK, so nothing here waits for a peer.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulate/credentials.h"
#include "emulate/files.h"
#include "emulate/reply.h"
#include "emulate/task.h"
#include "os/fd.h"

namespace lichen::emulate {

enum class Last { kFollow, kKeep };  // what to do with a symlink in the last component

struct Place {
  os::UniqueFd base;  // owned, when `at` is a directory that had to be opened
  int at = -1;
  std::string text;           // relative to `at`, or absolute
  std::uint64_t resolve = 0;  // RESOLVE_*: openat2 instead of openat
  Last last = Last::kFollow;
};

// `resolve` are the caller's own RESOLVE_* restrictions. An empty path names the descriptor itself.
Place locate(const Task& task, const Credentials& credentials, int dirfd, std::string_view path,
             Last last, std::uint64_t resolve = 0);

// Pure: "/proc/self/fd/3" -> "fd/3", below the caller's /proc directory; nullopt: means the same to
// everybody.
std::optional<std::string> callers_own(std::string_view path, Last last);

// Not valid: errno says why. O_CLOEXEC is added.
os::UniqueFd open_place(const Place& place, int flags);
std::optional<struct statx> status_of(const Place& place, unsigned mask = kStatusMask,
                                      int flags = 0);
std::optional<struct statx> status_of(const os::UniqueFd& file);
std::optional<struct statx> status_of(const os::UniqueFd& directory, const std::string& name);

// Opens with O_PATH, following a last symlink to wherever the *caller* would: kernel lookup first,
// and when that finds nothing link by link (/var/log/x -> /dev/stdout -> /proc/self/fd/1).
os::UniqueFd open_path(const Task& task, const Credentials& credentials, int dirfd,
                       std::string_view path, Last last);

// "a/b/" -> {"a/b" without its last name, "b"}; name empty: "", "/", "." or "..".
struct SplitPath {
  std::string parent, name;
  bool slash_at_end = false;
};
SplitPath split_last(std::string_view path);

// Where the file is in the Supervisor's root; "" when it cannot say (deleted, unreachable).
std::string canonical(const Task& task, const os::UniqueFd& file);

}  // namespace lichen::emulate
