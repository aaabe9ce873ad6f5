// A step's first process between clone(2) and execve(2), at every tier, as plain data: what it is
// given, and what it says to its parent over a SOCK_SEQPACKET pair, where it gets single bytes.
// What it does is in child_steps.h and each tier's child.h; the parent's side is child_socket.h.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>

#include "os/limits.h"

namespace lichen::sandbox {

enum class ChildStep : std::int32_t {
  kSupervision,  // parent-death signal, descriptors, signals
  kChildren,     // the list of its children, which ends them where there is no pid namespace
  kLoopback,
  kHostname,
  kProc,
  kSysfs,
  kMqueue,
  kFork,
  kTerminal,
  kDirectory,
  kCapabilities,
  kIdentity,
  kLimits,
  kFilter,
  kLandlock,
  kSend,
};

struct ChildMessage {
  enum Kind : std::int32_t {
    kAlive,     // waits for a byte; with the detached mounts asked for (proc, sysfs, mqueue)
    kPrepared,  // only execve is left: waits for a byte; with a pidfd of its own (tiers ids
                // and userns), and the listener if there is one
    kFailed,    // `step` failed with errno `value`
    kEnded,     // the command ended with raw wait status `value`
  };
  Kind kind = kFailed;
  ChildStep step = ChildStep::kSupervision;
  std::int32_t value = 0;
};
inline constexpr std::size_t kMaxMessageFds = 3;

// What the parent gives the child, all from kFirstFreeFd on: those below are rearranged.
struct ChildDescriptors {
  int socket = -1, in = -1, out = -1, err = -1;
};
inline constexpr int kFirstFreeFd = 16;

struct Filter {
  const sock_filter* program = nullptr;
  std::uint16_t length = 0;
};

struct Limits {
  const os::ResourceLimit* first = nullptr;
  std::size_t count = 0;
};

struct Program {
  const char* name = nullptr;               // as the user wrote it, but printable
  const char* const* candidates = nullptr;  // paths to try in order; null at the end
  char* const* argv = nullptr;
  char* const* env = nullptr;
};

}  // namespace lichen::sandbox
