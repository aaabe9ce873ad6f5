// What this host really lets us do. Everything is tried, in processes that end right after, and the
// answer says what it found, what an administrator could change, and what that would buy.
//
//   const Host host = probe_host(store);          // all of it, about 20 ms; `lichen doctor`
//   for (const TierState& tier : host.tiers()) …
//   TRY(check_tier(Tier::kIds));                  // what the start of a build needs, about 3 ms
//
// Host is a value: tests make any host they like. Probing forks: call it before threads are
// started. Nothing is left behind in `store`; where it does not exist its nearest parent is probed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::os {

enum class Tier { kIds, kUserns, kBare };
const char* to_text(Tier tier);  // "ids", …

struct Feature {
  std::string name;  // one of features::k…
  bool ok = false;
  std::string detail;  // what was found, or why not
  std::string fix;     // command or setting for an administrator; "" when ok
  std::string buys;    // what lichen does with it
};

namespace features {
inline constexpr const char* kUserNamespaces = "user namespaces";
inline constexpr const char* kIdMap = "map of many ids";
inline constexpr const char* kMapHelpers = "newuidmap and newgidmap";
inline constexpr const char* kSubIds = "subordinate ids";
inline constexpr const char* kPrivilegeGain = "gaining privileges by helpers";
inline constexpr const char* kOverlay = "overlay in a user namespace";
inline constexpr const char* kFreshProc = "a fresh /proc";
inline constexpr const char* kNotify = "seccomp notification";
inline constexpr const char* kTrace = "system calls stopped by ptrace";
inline constexpr const char* kMountCalls = "mounts by descriptor";
inline constexpr const char* kOpenat2 = "openat2";
inline constexpr const char* kPidfd = "pidfd";
inline constexpr const char* kNetworkHelper = "a network helper";
inline constexpr const char* kEmulators = "emulators of other processors";
inline constexpr const char* kXattrs = "user.* attributes in the store";
inline constexpr const char* kCgroup = "memory limits";
inline constexpr const char* kDisk = "disk space";
}  // namespace features

struct TierState {
  Tier tier = Tier::kBare;
  bool ok = false;
  std::string missing;  // name of the first missing feature, and why
  std::string fix;
};

struct Host {
  std::vector<Feature> features;

  const Feature* find(std::string_view name) const;  // nullptr: not probed
  bool has(std::string_view name) const;
  std::vector<TierState> tiers() const;  // highest first
};

Host probe_host(const std::string& store);

// Enters a namespace as a build at `tier` would, in a process that ends. The error's hint is the
// fix.
Result<void> check_tier(Tier tier);
Result<void> check_mount_calls();  // which the namespace tiers need; one system call

// What an administrator changes when unshare(CLONE_NEWUSER), or a mount after it, failed with
// `os_errno`: by the settings of this host.
std::string user_namespace_fix(int os_errno);

}  // namespace lichen::os
