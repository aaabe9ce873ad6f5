#include "emulate/device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "emulate/permission.h"

namespace lichen::emulate {

namespace {

struct Node {
  std::uint32_t major, minor;
  std::string_view path;
};
constexpr Node kNodes[] = {{1, 3, "/dev/null"},   {1, 5, "/dev/zero"},    {1, 7, "/dev/full"},
                           {1, 8, "/dev/random"}, {1, 9, "/dev/urandom"}, {5, 0, "/dev/tty"}};
constexpr std::string_view kTerminal = "/dev/tty";

bool is_device(const struct statx& status, const owners::Record& device) {
  return S_ISCHR(status.stx_mode) && status.stx_rdev_major == device.dev_major &&
         status.stx_rdev_minor == device.dev_minor;
}

// /dev/tty is another device for each session.
os::UniqueFd open_terminal(const Task& task, int flags) {
  const std::string stream = terminal_stream(task, terminal_of(task));
  if (!stream.empty()) return os::UniqueFd(::openat(task.proc().get(), stream.c_str(), flags));
  errno = ENXIO;
  return {};
}

// The step may have put anything at that path: looked at before it is opened.
os::UniqueFd open_node(const Task& task, const owners::Record& device, std::string_view path,
                       int flags) {
  const os::UniqueFd node(::open(std::string(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const auto status = node.valid() ? status_of(node) : std::nullopt;
  if (!status || !is_device(*status, device)) {
    errno = EPERM;
    return {};
  }
  return os::UniqueFd(
      ::openat(task.proc().get(), ("self/fd/" + std::to_string(node.get())).c_str(), flags));
}

}  // namespace

// Field 7 of /proc/TID/stat.
dev_t terminal_of(const Task& task) {
  const os::UniqueFd fd(
      ::openat(task.proc().get(), task.in_proc("stat").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[1024];
  const ssize_t bytes = fd.valid() ? ::read(fd.get(), buffer, sizeof buffer) : -1;
  if (bytes <= 0) return 0;
  const std::string_view text(buffer, static_cast<std::size_t>(bytes));
  std::size_t at = text.rfind(')');  // of the name, which may hold anything
  for (int field = 2; field < 7 && at != text.npos; ++field) at = text.find(' ', at + 1);
  unsigned number = 0;
  if (at != text.npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), number);
  return number;
}

std::string terminal_stream(const Task& task, dev_t terminal) {
  for (int stream = 0; stream < 3 && terminal != 0; ++stream) {
    std::string name = task.in_proc("fd/" + std::to_string(stream));
    struct stat status {};
    if (::fstatat(task.proc().get(), name.c_str(), &status, 0) != 0) continue;
    if (S_ISCHR(status.st_mode) && status.st_rdev == terminal) return name;
  }
  return {};
}

std::string_view node_of(const owners::Record& device) {
  if (device.type != S_IFCHR) return {};
  for (const Node& node : kNodes) {
    if (node.major == device.dev_major && node.minor == device.dev_minor) return node.path;
  }
  return {};
}

int decide_device_open(const owners::Record& device, std::uint64_t flags) {
  if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return EEXIST;
  if ((flags & O_DIRECTORY) != 0) return ENOTDIR;
  return node_of(device).empty() ? EPERM : 0;
}

std::optional<Reply> open_device(const Task& task, const Model& model,
                                 const Credentials& credentials, const os::UniqueFd& file,
                                 std::uint64_t flags) {
  if ((flags & O_PATH) != 0) return std::nullopt;
  auto status = status_of(file);
  const auto record = status ? model.record_of(*status) : std::nullopt;
  if (!record || record->type == 0) return std::nullopt;
  dress(*status, *record);
  if (!permits(credentials, {status->stx_uid, status->stx_gid, status->stx_mode},
               wanted_access(flags))) {
    return Errno{EACCES};
  }
  if (const int refused = decide_device_open(*record, flags); refused != 0) return Errno{refused};
  constexpr std::uint64_t kKept = O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC;
  const int how = static_cast<int>(flags & kKept) | O_NOCTTY | O_CLOEXEC;
  const std::string_view path = node_of(*record);
  os::UniqueFd device =
      path == kTerminal ? open_terminal(task, how) : open_node(task, *record, path, how);
  if (!device.valid()) return Errno{errno};
  if (!task.valid()) return Continue{};
  return NewFd{std::move(device), (flags & O_CLOEXEC) != 0};
}

}  // namespace lichen::emulate
