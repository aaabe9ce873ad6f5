// What runs between fork(2) and execve(2) of a `bare` step. As in sandbox/child.h: plain data,
// async-signal-safe calls only, and each failure is one message.
//
// By the time that it executes its command it is traced, and its calls are answered by the parent:
// so the working directory is entered before the filter is there, and the execve at the end, like
// any other, means a file of the step's tree.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>

#include "sandbox/last_steps.h"

namespace lichen::bare {

enum class ChildStep : std::int32_t { kPrepare, kTerminal, kDirectory, kLandlock, kFilter };

// On the socket, child to parent. One SOCK_SEQPACKET message each.
struct ChildMessage {
  enum Kind : std::int32_t {
    kAlive,     // may be seized: waits for a byte
    kPrepared,  // only execve is left: waits for a byte; with the listener if there is one
    kFailed,    // `step` failed with errno `value`
  };
  Kind kind = kFailed;
  ChildStep step = ChildStep::kPrepare;
  std::int32_t value = 0;
};

struct ChildProgram {
  const sock_filter* filter = nullptr;
  std::uint16_t length = 0;
};

struct ChildPlan {
  int socket = -1, in = -1, out = -1, err = -1, directory = -1,
      landlock = -1;  // all above the rest
  bool terminal = false;
  // Tried in this order; `notify` gives a listener. Length 0: not to be tried.
  ChildProgram notify, trace;
  int notify_rules = -1, trace_rules = -1;  // of Landlock, for the one or the other; -1: none
  sandbox::Program program;
};

inline constexpr int kFirstFreeFd = 16;  // descriptors below are rearranged by the child

[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace lichen::bare
