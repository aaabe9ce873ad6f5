// What runs between fork(2) and execve(2) of a `bare` step. As in sandbox/child.h: plain data,
// async-signal-safe calls only, and each failure is one message.
//
// By the time that it executes its command it is traced, and its calls are answered by the parent:
// so the working directory is entered before the filter is there, and the execve at the end, like
// any other, means a file of the step's tree.
#pragma once

#include "sandbox/first_process.h"

namespace lichen::bare {

struct ChildPlan {
  sandbox::ChildDescriptors given;
  int directory = -1;  // from sandbox::kFirstFreeFd, as the rules are
  bool terminal = false;
  // Tried in this order; `notify` gives a listener. Length 0: not to be tried.
  sandbox::Filter notify, trace;
  int notify_rules = -1, trace_rules = -1;  // of Landlock, for the one or the other; -1: none
  sandbox::Limits limits;
  sandbox::Program program;
};

[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace lichen::bare
