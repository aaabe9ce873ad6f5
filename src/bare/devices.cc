#include "bare/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "emulate/device.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

struct Node {
  const char* name;
  std::uint32_t major, minor;
};
constexpr Node kNodes[] = {{"null", 1, 3},    {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8},
                           {"urandom", 1, 9}, {"tty", 5, 0},  {"ptmx", 5, 2}, {"console", 5, 1}};
constexpr std::uint32_t kMinorTerminals = 136;  // majors 136 to 143: /dev/pts/N
constexpr std::uint32_t kEndOfTerminals = 144;

struct Link {
  const char *name, *target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"},
                           {"core", "/proc/kcore"}};

bool is_device(const struct stat& status, std::uint32_t major, std::uint32_t minor) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(major, minor);
}

std::optional<std::string> find_pts(std::uint32_t major, std::uint32_t minor) {
  if (major < kMinorTerminals || major >= kEndOfTerminals) return std::nullopt;
  std::string path = "/dev/pts/" + std::to_string((major - kMinorTerminals) * 256 + minor);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !is_device(status, major, minor)) return std::nullopt;
  return path;
}

// /dev/tty is another device for each session. A terminal of another devpts than ours is at least
// one of the caller's standard streams.
Answer<std::string> terminal_path(const Call& call) {
  if (call.traced) return "/dev/tty";  // it opens it itself
  const dev_t terminal = emulate::terminal_of(call.task);
  if (terminal == 0) return refuse(ENXIO);
  if (auto path = find_pts(::major(terminal), ::minor(terminal))) return *path;
  const std::string stream = emulate::terminal_stream(call.task, terminal);
  if (!stream.empty()) return "/proc/" + stream;
  return refuse(ENXIO);
}

Result<Mount> host_mount(const char* path, Mount::Kind kind, bool read_only) {
  os::UniqueFd fd = TRY(os::open(path, O_PATH | O_DIRECTORY));
  return Mount{
      .target = path, .source = path, .fd = std::move(fd), .kind = kind, .read_only = read_only};
}

// A directory with these 12 bits of mode, of which the real one cannot have all.
Result<void> make_directory(const os::UniqueFd& parent, const char* name, std::uint32_t mode,
                            emulate::FileTable& files) {
  if (::mkdirat(parent.get(), name, 0755) != 0) return fail(os_error("mkdir", name));
  struct statx status {};
  if (::statx(parent.get(), name, AT_SYMLINK_NOFOLLOW, emulate::kStatusMask, &status) != 0) {
    return fail(os_error("statx", name));
  }
  if (mode != 0755) files.put(status, {.mode = mode});
  return {};
}

Result<void> make_node(const os::UniqueFd& parent, const Node& node, emulate::FileTable& files) {
  const os::UniqueFd file =
      TRY(os::openat(parent, node.name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600));
  struct statx status {};
  if (::statx(file.get(), "", AT_EMPTY_PATH, emulate::kStatusMask, &status) != 0) {
    return fail(os_error("statx", node.name));
  }
  const bool is_console = std::string_view(node.name) == "console";
  files.put(status, {.type = S_IFCHR,
                     .dev_major = node.major,
                     .dev_minor = node.minor,
                     .mode = is_console ? 0620u : 0666u});
  return {};
}

}  // namespace

bool is_known_node(std::uint32_t major, std::uint32_t minor) {
  return std::any_of(std::begin(kNodes), std::end(kNodes),
                     [&](const Node& node) { return node.major == major && node.minor == minor; });
}

Answer<std::string> node_of(const Call& call, const owners::Record& device) {
  if (device.type != S_IFCHR) return refuse(EPERM);
  if (auto path = find_pts(device.dev_major, device.dev_minor)) return *path;
  for (const Node& node : kNodes) {
    if (node.major != device.dev_major || node.minor != device.dev_minor) continue;
    const std::string path = std::string("/dev/") + node.name;
    if (path == "/dev/tty") return terminal_path(call);
    struct stat status {};
    // The host's may be a link (ptmx), and is what its name says only if its number says so, too.
    if (::stat(path.c_str(), &status) != 0) return refuse(errno);
    if (node.major != 5 && !is_device(status, node.major, node.minor)) return refuse(EPERM);
    return path;
  }
  return refuse(EPERM);
}

Result<std::vector<Mount>> standard_mounts(const std::string& scratch, emulate::FileTable& files) {
  const std::string source = scratch + "/dev";
  if (::mkdir(source.c_str(), 0755) != 0) return fail(os_error("mkdir", source));
  Mount dev{.target = "/dev", .source = source, .kind = Mount::Kind::kOwn};
  dev.fd = TRY(os::open(source, O_PATH | O_DIRECTORY));
  for (const Node& node : kNodes) TRY(make_node(dev.fd, node, files));
  for (const Link& link : kLinks) {
    if (::symlinkat(link.target, dev.fd.get(), link.name) == 0) continue;
    return fail(os_error("symlink", link.name));
  }
  TRY(make_directory(dev.fd, "shm", 01777, files));
  TRY(make_directory(dev.fd, "mqueue", 01777, files));
  TRY(make_directory(dev.fd, "pts", 0755, files));  // where the host's is seen
  std::vector<Mount> mounts;
  mounts.push_back(TRY(host_mount("/proc", Mount::Kind::kProc, false)));
  mounts.push_back(TRY(host_mount("/sys", Mount::Kind::kHost, true)));
  mounts.push_back(std::move(dev));
  // A pod without terminals may have none.
  if (auto pts = host_mount("/dev/pts", Mount::Kind::kHost, false)) {
    mounts.push_back(std::move(*pts));
  }
  return mounts;
}

}  // namespace lichen::bare
