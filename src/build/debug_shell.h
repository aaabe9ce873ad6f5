// `lichen debug shell`: a program in the tree of a past build's step, with the step's mounts,
// variables and user. What it changes is discarded.
//
// Must be called while the process has one thread, as build().
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/event.h"
#include "build/request.h"
#include "os/child.h"

namespace lichen::build {

struct ShellRequest {
  enum class Where {
    kBefore,  // what the step started from
    kAfter,   // what it made
    kFailed,  // what it left when it failed
  };
  std::string build;  // id, or what it begins or ends with; "": the newest
  std::string step;   // its number, or a part of its name; "" with kFailed: the one that failed
  Where where = Where::kAfter;
  std::vector<std::string> command;  // empty: /bin/sh
  bool interactive = true, terminal = false;
  std::vector<Secret> secrets;  // for the step's secret mounts; those that are not given are empty
  std::vector<Agent> agents;
};

Result<os::WaitStatus> debug_shell(const ShellRequest& request, Environment environment,
                                   const EventSink& events);

}  // namespace lichen::build
