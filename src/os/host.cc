#include "os/host.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "base/text.h"
#include "os/child.h"
#include "os/file.h"
#include "os/idmap.h"
#include "os/probe.h"
#include "os/socket.h"

namespace lichen::os {

const char* to_text(Tier tier) {
  switch (tier) {
    case Tier::kIds:
      return "ids";
    case Tier::kUserns:
      return "userns";
    case Tier::kBare:
      return "bare";
  }
  return "?";
}

const Feature* Host::find(std::string_view name) const {
  for (const Feature& feature : features)
    if (feature.name == name) return &feature;
  return nullptr;
}

bool Host::has(std::string_view name) const {
  const Feature* feature = find(name);
  return feature != nullptr && feature->ok;
}

namespace {

// Most basic first: the first one missing is what the user is told.
constexpr const char* kBoth[] = {features::kUserNamespaces, features::kMountCalls,
                                 features::kOpenat2, features::kPidfd, features::kOverlay};
constexpr const char* kForIds[] = {features::kSubIds, features::kPrivilegeGain,
                                   features::kMapHelpers, features::kIdMap};
constexpr const char* kForUserns[] = {features::kNotify};
constexpr const char* kForBare[] = {features::kTrace, features::kPidfd};

template <std::size_t N>
void require(const Host& host, const char* const (&names)[N], TierState& state) {
  for (const char* name : names) {
    if (!state.missing.empty() || host.has(name)) continue;
    const Feature* feature = host.find(name);
    state.missing = name;
    if (feature != nullptr) {
      state.missing += ": " + feature->detail;
      state.fix = feature->fix;
    }
  }
  state.ok = state.missing.empty();
}

}  // namespace

std::vector<TierState> Host::tiers() const {
  TierState ids{.tier = Tier::kIds}, userns{.tier = Tier::kUserns}, bare{.tier = Tier::kBare};
  require(*this, kBoth, ids);
  if (ids.ok) require(*this, kForIds, ids);
  require(*this, kBoth, userns);
  if (userns.ok) require(*this, kForUserns, userns);
  require(*this, kForBare, bare);
  return {ids, userns, bare};
}

namespace {

Feature works(const char* name, std::string detail, std::string buys) {
  return {.name = name, .ok = true, .detail = std::move(detail), .buys = std::move(buys)};
}
Feature lacks(const char* name, std::string detail, std::string fix, std::string buys) {
  return {.name = name,
          .ok = false,
          .detail = std::move(detail),
          .fix = std::move(fix),
          .buys = std::move(buys)};
}

Feature probe_user_namespaces() {
  const char* buys = "RUN as root without being root: tiers ids and userns";
  const auto entered = check_tier(Tier::kUserns);
  if (!entered)
    return lacks(features::kUserNamespaces, lichen::to_text(entered.error()), entered.error().hint,
                 buys);
  return works(features::kUserNamespaces, "can be made, and mounted in", buys);
}

void probe_id_maps(Host& host) {
  const char* buys = "tier ids: the kernel itself keeps 65536 owners apart, no emulation";
  const bool by_ourselves = ::geteuid() == 0;
  const bool locked = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  host.features.push_back(
      locked && !by_ourselves
          ? lacks(features::kPrivilegeGain, "no_new_privs is set for this process",
                  "Kubernetes: securityContext.allowPrivilegeEscalation: true", buys)
          : works(features::kPrivilegeGain, locked ? "not needed" : "not forbidden", buys));

  std::string absent;
  for (const char* helper : {"newuidmap", "newgidmap"})
    if (find_program(helper).empty())
      absent += absent.empty() ? helper : std::string(", ") + helper;
  if (by_ourselves || absent.empty())
    host.features.push_back(works(features::kMapHelpers,
                                  absent.empty() ? find_program("newuidmap") : "not needed", buys));
  else
    host.features.push_back(lacks(features::kMapHelpers, "not installed: " + absent,
                                  "apt-get install uidmap (elsewhere: shadow-utils)", buys));

  const auto maps = subordinate_maps();
  if (!maps) {
    host.features.push_back(
        lacks(features::kSubIds, lichen::to_text(maps.error()), maps.error().hint, buys));
    host.features.push_back(lacks(features::kIdMap, "no ids to map", maps.error().hint, buys));
    return;
  }
  const std::string count = std::to_string(std::min(ids_of(maps->uids), ids_of(maps->gids)));
  host.features.push_back(works(features::kSubIds, count + " ids with our own", buys));
  const auto mapped = check_tier(Tier::kIds);
  host.features.push_back(
      mapped ? works(features::kIdMap, count + " ids were mapped", buys)
             : lacks(features::kIdMap, lichen::to_text(mapped.error()), mapped.error().hint, buys));
}

Feature probe_overlay(const std::string& store) {
  const char* buys = "a step starts from its layers at once, without copying them";
  const std::string said = in_child([&] { return probe::overlay(store); });
  if (said == "ok")
    return works(features::kOverlay,
                 "works in " + store + ", with whiteouts and opaque directories", buys);
  return lacks(features::kOverlay, said,
               "put the store on ext4, xfs or btrfs (--root DIR or LICHEN_ROOT); Linux 5.11 or "
               "newer",
               buys);
}

Feature probe_fresh_proc() {
  const char* buys = "steps see their own processes only";
  const std::string said = in_child([] { return probe::fresh_proc(); });
  if (said == "ok") return works(features::kFreshProc, "can be mounted", buys);
  return lacks(features::kFreshProc, said,
               "docker: --security-opt systempaths=unconfined; Kubernetes: procMount: Unmasked "
               "with hostUsers: false",
               buys);
}

Feature probe_notify() {
  const char* buys = "tier userns: owners, devices and set-user-id programs without sub-ids";
  const std::string said = in_child([] { return probe::seccomp_notify(); });
  if (starts_with(said, "ok"))
    return works(features::kNotify, said == "ok" ? "works" : "works, with" + said.substr(2), buys);
  return lacks(features::kNotify, said,
               "Linux 5.11 or newer, and an outer seccomp profile that allows seccomp(2)", buys);
}

Feature probe_trace() {
  const char* buys = "tier bare: RUN as root in a pod that grants nothing";
  const auto stopped = check_tier(Tier::kBare);
  if (stopped) return works(features::kTrace, "work", buys);
  return lacks(features::kTrace, lichen::to_text(stopped.error()), stopped.error().hint, buys);
}

Feature probe_call(const char* name, const char* version, long result, int os_errno,
                   const char* buys) {
  if (result >= 0) return works(name, "works", buys);
  return lacks(name, os_error(os_errno, "try", name).message, version, buys);
}

void probe_calls(Host& host) {
  struct {
    std::uint64_t flags, mode, resolve;
  } how{O_PATH | O_CLOEXEC, 0, 0};
  const UniqueFd root(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  host.features.push_back(probe_call(features::kOpenat2, "Linux 5.6 or newer", root.get(), errno,
                                     "paths of images are resolved safely"));
  const UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  host.features.push_back(probe_call(features::kPidfd, "Linux 5.3 or newer", self.get(), errno,
                                     "processes are waited for without races"));
  mount_attr nothing{};
  const long rc = ::syscall(SYS_mount_setattr, -1, "", AT_EMPTY_PATH, &nothing, sizeof nothing);
  // Without CAP_SYS_ADMIN, or with nothing to set, a kernel that has the call says something else.
  host.features.push_back(probe_call(features::kMountCalls, "Linux 5.12 or newer",
                                     rc < 0 && errno == ENOSYS ? -1 : 0, ENOSYS,
                                     "mounts are made with their attributes, out of sight"));
}

Feature probe_network_helper() {
  const char* buys = "--network=sandbox, and ports of `lichen run -p`";
  std::string found;
  for (const char* helper : {"pasta", "slirp4netns"})
    if (const std::string path = find_program(helper); !path.empty())
      found += (found.empty() ? "" : ", ") + path;
  if (found.empty())
    return lacks(features::kNetworkHelper, "neither pasta nor slirp4netns is installed",
                 "apt-get install passt (or slirp4netns, which publishes no ports)", buys);
  if (::access("/dev/net/tun", R_OK | W_OK) < 0)
    return lacks(features::kNetworkHelper,
                 found + ", but " + os_error(errno, "open", "/dev/net/tun").message,
                 "chmod 666 /dev/net/tun (docker: --device=/dev/net/tun)", buys);
  return works(features::kNetworkHelper, found, buys);
}

Feature probe_emulators() {
  const char* buys = "RUN for other platforms: `lichen build --platform`";
  std::string found;
  for (const char* name : {"aarch64", "arm", "riscv64", "ppc64le", "s390x", "i386", "x86_64"})
    if (!find_program(std::string("qemu-") + name + "-static").empty())
      found += (found.empty() ? "qemu for " : ", ") + std::string(name);
  if (found.empty())
    return lacks(features::kEmulators, "qemu-aarch64-static and its kin are not installed",
                 "apt-get install qemu-user-static", buys);
  return works(features::kEmulators, found, buys);
}

Feature probe_xattrs(const std::string& store) {
  const char* buys = "owners of emulated files can be exported (user.rootlesscontainers)";
  std::string path = store + "/.probe-XXXXXX";
  const UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd.valid())
    return lacks(features::kXattrs, os_error("create", path).message,
                 "make " + store + " writable for " + user_name(), buys);
  ::unlink(path.c_str());
  if (::fsetxattr(fd.get(), "user.lichen.probe", "x", 1, 0) < 0)
    return lacks(features::kXattrs, os_error("setxattr in", store).message,
                 "put the store on ext4, xfs or btrfs", buys);
  return works(features::kXattrs, "work", buys);
}

std::string read_trimmed(const std::string& path) {
  const auto text = read_file(path);
  return text ? std::string(trim(*text)) : "";
}

Feature probe_cgroup() {
  const char* buys = "a step that eats all memory fails alone";
  const char* fix = "systemd-run --user --scope -p Delegate=yes lichen …";
  for (const std::string& line : split(read_trimmed("/proc/self/cgroup"), '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) continue;
    if (fields[0] == "0") {
      for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        const std::string group = mount + fields[2];
        const std::string controllers = read_trimmed(group + "/cgroup.controllers");
        if (controllers.find("memory") == std::string::npos) continue;
        if (::access(group.c_str(), W_OK) == 0)
          return works(features::kCgroup, "cgroup v2, delegated: " + fields[2], buys);
        return lacks(features::kCgroup, "our cgroup is not delegated to us: " + fields[2], fix,
                     buys);
      }
    } else if (fields[1].find("memory") != std::string::npos) {
      if (::access(("/sys/fs/cgroup/memory" + fields[2]).c_str(), W_OK) == 0)
        return works(features::kCgroup, "cgroup v1, writable: " + fields[2], buys);
    }
  }
  return lacks(features::kCgroup, "no cgroup with a memory controller is ours", fix, buys);
}

Feature probe_disk(const std::string& store) {
  const char* buys = "room for layers and snapshots";
  constexpr std::uint64_t kLittleBytes = std::uint64_t{1} << 30, kFewInodes = 100'000;
  struct statvfs status {};
  if (::statvfs(store.c_str(), &status) < 0)
    return lacks(features::kDisk, os_error("statvfs", store).message, "", buys);
  const std::uint64_t bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  const bool counted = status.f_files > 0;  // btrfs makes inodes as it needs them
  std::string detail = std::to_string(bytes >> 20) + " MiB";
  if (counted) detail += " and " + std::to_string(status.f_favail) + " inodes";
  detail += " free in " + store;
  if (bytes < kLittleBytes || (counted && status.f_favail < kFewInodes))
    return lacks(features::kDisk, detail, "lichen prune, or a larger store: --root DIR", buys);
  return works(features::kDisk, detail, buys);
}

std::string nearest_existing(std::string path) {
  struct ::stat status {};
  while (path.size() > 1 && ::stat(path.c_str(), &status) < 0) {
    const std::size_t slash = path.rfind('/');
    path = slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
  }
  return path;
}

}  // namespace

Host probe_host(const std::string& store) {
  const std::string place = nearest_existing(clean_path(store));
  Host host;
  host.features.push_back(probe_user_namespaces());
  probe_id_maps(host);
  host.features.push_back(probe_overlay(place));
  host.features.push_back(probe_fresh_proc());
  host.features.push_back(probe_notify());
  host.features.push_back(probe_trace());
  probe_calls(host);
  host.features.push_back(probe_network_helper());
  host.features.push_back(probe_emulators());
  host.features.push_back(probe_xattrs(place));
  host.features.push_back(probe_cgroup());
  host.features.push_back(probe_disk(place));
  return host;
}

}  // namespace lichen::os
