// A sandbox described as data.
//
// Making a sandbox has two halves. *Planning* decides what the container will see; it is ordinary
// code that reads no kernel state, needs no privilege, and is tested by comparing values.
// *Launching* (launch.h) replays a Plan after clone(2), and decides nothing. If you are adding an
// `if` to launch.cc, it probably belongs in whoever builds the Plan.
//
//   Plan plan{.rootfs = "/store/mnt", .argv = {"/bin/sh", "-c", "make"}};
//   plan.steps.push_back(Bind{.source = "/etc/resolv.conf", .target = "/etc/resolv.conf"});
//   Running running = TRY(launch(plan, std::move(stdio)));
//
// Order matters: steps run first to last, inside the new namespaces, before pivot_root. Targets are
// absolute paths inside the container's root; they are resolved so that no symlink in the (hostile)
// root file system leads outside of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace lichen::sandbox {

struct Bind {
  std::string source, target;
  bool read_only = false;
  bool recursive = true;
  bool nodev = false;
};
struct Tmpfs {
  std::string target;
  unsigned mode = 0755;
  std::uint64_t bytes = 0;  // 0: the kernel's default
  bool noexec = false;
};
struct Proc {
  std::string target = "/proc";
};
struct Sysfs {  // a fresh one: only with a network namespace of our own
  std::string target = "/sys";
};
struct Devpts {
  std::string target = "/dev/pts";
};
struct Mqueue {
  std::string target = "/dev/mqueue";
};
struct Directory {  // made if absent
  std::string target;
  unsigned mode = 0755;
};
struct Symlink {
  std::string target, link;  // `link` names the new symlink, which says `target`
};
struct EmptyFile {  // made if absent, for a bind to land on
  std::string target;
};
// Covers a path with an empty read-only tmpfs or /dev/null, if the path exists.
struct Mask {
  std::string target;
};
struct ReadOnly {  // remounts an existing mount or path read-only, if the path exists
  std::string target;
};
using Step = std::variant<Bind, Tmpfs, Proc, Sysfs, Devpts, Mqueue, Directory, Symlink, EmptyFile,
                          Mask, ReadOnly>;

enum class Supervision {
  kNone,     // fsync family answered at once, dangerous calls refused; no listener
  kDevices,  // tier ids: also mknod of devices and chown to ids beyond the map
  kFull,     // tier userns: the list of emulation.md §7.5
};

struct Plan {
  std::string rootfs;  // becomes /; must be a mount point
  std::vector<Step> steps;
  std::vector<std::string> argv, env;  // argv[0] is looked up in env's PATH inside the root
  std::string cwd = "/";               // created by the planner if it must exist
  std::string hostname = "lichen";
  bool own_network = false;  // a network namespace with only loopback, which is brought up
  bool own_pid = true;
  bool terminal = false;  // stdio is a pty slave: make it the controlling terminal
  std::uint32_t uid = 0,
                gid = 0;  // tier ids: set before exec. userns: the supervisor pretends them
  std::vector<std::uint32_t> groups;
  bool set_ids = false;  // really call setgroups/setgid/setuid (tier ids)
  Supervision supervision = Supervision::kNone;
  bool root_capabilities = true;  // uid 0 gets docker's default set; others get none
};

// One line per step, stable across runs: what tests compare and what `lichen debug plan` prints.
std::string to_text(const Plan& plan);

// The /dev, /proc, /sys, /dev/shm … of every step, in order: appended to plan.steps. `host_network`
// decides between the host's masked /sys and a fresh one.
void add_standard_mounts(Plan& plan);

}  // namespace lichen::sandbox
