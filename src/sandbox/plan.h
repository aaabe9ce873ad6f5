// A sandbox described as data.
//
// Making a sandbox has two halves. *Planning* decides what the container will see; it is ordinary
// code that reads no kernel state, needs no privilege, and is tested by comparing values.
// *Launching* (launch.h) replays a Plan after clone(2), and decides nothing. If you are adding an
// `if` to launch.cc, it probably belongs in whoever builds the Plan.
//
//   Plan plan{.rootfs = "/store/mnt", .argv = {"/bin/sh", "-c", "make"}};
//   plan.steps.push_back(Bind{.source = "/etc/resolv.conf", .target = "/etc/resolv.conf"});
//   add_standard_mounts(plan);
//   Running running = TRY(launch(plan, std::move(stdio)));
//
// Order matters: steps run first to last, inside the new namespaces, before pivot_root. Targets are
// absolute paths inside the container's root; they are resolved so that no symlink in the (hostile)
// root file system leads outside of it, and made when they are absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "os/limits.h"

namespace lichen::sandbox {

struct Bind {
  std::string source, target;
  bool read_only = false;
  bool recursive = true;  // a part of a tree that a user namespace locked together cannot be bound
  bool nodev = false;
};
struct Tmpfs {  // always nosuid and nodev
  std::string target;
  unsigned mode = 0755;
  std::uint64_t bytes = 0;  // 0: the kernel's default
  bool noexec = false;
};
struct Proc {
  std::string target = "/proc";
  // Binds the caller's instead of making one for the new pid namespace: for hosts (themselves
  // containers) with a masked /proc, where the kernel refuses a fresh one.
  bool host = false;
};
struct Sysfs {  // a fresh one: only with a network namespace of our own
  std::string target = "/sys";
};
struct Devpts {
  std::string target = "/dev/pts";
  bool tty_group = false;  // gid 5, which must be mapped
};
struct Console {  // the terminal of Plan::terminal, so that ttyname(3) finds it
  std::string target = "/dev/console";
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
using Step = std::variant<Bind, Tmpfs, Proc, Sysfs, Devpts, Console, Mqueue, Directory, Symlink,
                          EmptyFile, Mask, ReadOnly>;

// A system call that goes to the listener (seccomp_unotify(2)): always, or by the low 32 bits of
// one argument. Several rules for one call: any of them.
struct NotifyRule {
  enum class Match {
    kAlways,
    kMaskEquals,  // (args[arg] & mask) == value
    kMaskAny,     // (args[arg] & mask) != 0
    kAtLeast,     // args[arg] >= value
  };
  int nr = 0;
  Match match = Match::kAlways;
  int arg = 0;
  std::uint32_t mask = 0, value = 0;
};

struct Plan {
  std::string rootfs;  // becomes /; must be a mount point
  std::vector<Step> steps;
  std::vector<std::string> argv, env;  // argv[0] is looked up in env's PATH inside the root
  std::string cwd = "/";               // created by the planner if it must exist
  std::string hostname = "lichen";
  bool own_network = false;   // a network namespace with only loopback, which is brought up
  bool join_network = false;  // with own_network: the worker's, which is not the host's
  bool own_pid = true;        // without: /proc is the caller's (and so is /sys)
  bool terminal = false;      // stdio is a pty slave: make it the controlling terminal
  std::uint32_t uid = 0,
                gid = 0;  // tier ids: set before exec. userns: the supervisor pretends them
  std::vector<std::uint32_t> groups;
  bool set_ids = false;  // really call setgroups/setgid/setuid (tier ids)
  std::vector<os::ResourceLimit> limits;
  std::vector<NotifyRule> notify;  // not empty: Running::listener is valid and must be served
  // fsync and its kin succeed at once: a step's tree is made durable when it is committed.
  bool answer_sync = true;
  // Uid 0 keeps every capability of the user namespace, not docker's default set; and nothing of
  // /proc and /sys is masked, so that the kernel lets it mount its own.
  bool privileged = false;
};

// One line per step, stable across runs: what tests compare and what `lichen debug plan` prints.
std::string to_text(const Plan& plan);

// The /dev, /proc, /sys, /dev/shm … of every step, in order: appended to plan.steps. own_pid
// decides between a fresh /proc and the host's; own_network between a fresh /sys and the host's,
// read-only and masked (without own_pid it is the host's: who masks the one masks the other);
// set_ids (tier ids) whether terminals belong to group 5; terminal adds /dev/console; privileged
// masks nothing.
void add_standard_mounts(Plan& plan);

// "bind /a to /b": how errors and to_text name a step.
std::string to_text(const Step& step);

}  // namespace lichen::sandbox
