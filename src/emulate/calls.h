// Which system calls of a step the Supervisor must be asked about.
//
// The table is data for whoever builds the step's seccomp filter (`container` hands it, field by
// field, to the sandbox's NotifyRule): every rule is about one call and at most one of its
// arguments, of which BPF compares the low 32 bits. Several rules for one call: any of them.
//
//   for (const NotifiedCall& call : notified_calls(Profile::kFull))
//     plan.notify.push_back({.nr = call.nr, .match = …(call.match), .arg = call.arg, …});
//
// Supervisor::start() must be given the same profile. Pure. Sources: emulation design §7.5; the
// numbers are those of the machine that compiles (x86_64; aarch64 has no calls without "at").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "owners/record.h"

namespace lichen::emulate {

enum class Profile {
  kDevices,  // tier ids: devices, and owners beyond the map
  // Tier userns: what root may do, and what others may not. Of steps of root, too: what they start
  // may become another user (su, setpriv).
  kFull,
};

struct NotifiedCall {
  enum class Match : std::uint8_t {
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

// Newer than the headers of Linux 6.1; the number is that of every machine.
inline constexpr int kFchmodat2 = 452;

inline constexpr std::uint32_t kUsualMapSize = 65536;

struct Needs {
  std::uint32_t map_size = kUsualMapSize;  // ids from 0 on that the kernel knows; tier ids
  // stat and open go to the Supervisor, too, where the profile alone would not have it: a device's
  // placeholder looks and opens like the device. And so do changes, before which records are kept
  // (copy_up.h). See docs/decisions/0011.
  bool devices = false;
  // Tier userns, in a step that is, or is likely to become, another user than root: opens for
  // reading are judged, too.
  bool reads = false;
};

std::vector<NotifiedCall> notified_calls(Profile profile, const Needs& needs = {});
// Of Profile::kFull, those that name no file: what answer_identity and answer_rlimit are for.
std::vector<NotifiedCall> identity_calls();

// Needs::devices: the tree below has records that only the Supervisor can show (but for /dev, over
// which a step has a mount), or a text (the command, its scripts) speaks of a tool that makes
// nodes.
bool shows_devices(Profile profile, const owners::Owners& below, std::uint32_t map_size,
                   const std::vector<std::string>& texts);

// Needs::reads of a step of root: a text speaks of a tool that becomes another user.
bool becomes_users(const std::vector<std::string>& texts);

// Whatever layers have at this path, a step sees its own /dev there.
bool is_covered(std::string_view path);

// How many ids from 0 on both maps have, as /proc/self/uid_map and gid_map say it; 0: unreadable.
std::uint32_t map_size_of(std::string_view uid_map, std::string_view gid_map);

}  // namespace lichen::emulate
