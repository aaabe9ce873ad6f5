// What runs between clone(2) and execve(2): the container's init (process 1 of its pid namespace)
// and the command it forks. Without a pid namespace init is the nearest subreaper of all that the
// command starts, and kills it when the command has ended or the supervisor is gone.
//
// The caller may have had threads, so nothing here allocates, locks or throws: a ChildPlan is plain
// data prepared before the clone (its pointers stay valid in the copied memory), and each failure
// is one ChildMessage with the step's name and errno. tools/check_child_symbols.py holds the
// imports of child.o against a list. Decisions belong into launch.cc and the Plan.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sandbox/first_process.h"

namespace lichen::sandbox {

struct ChildPlan {
  ChildDescriptors given;
  int ruleset = -1;  // of Landlock, for the command and what it starts; from kFirstFreeFd; -1: none

  bool own_pid = true, own_network = false, terminal = false;
  const char* hostname = nullptr;
  std::size_t hostname_length = 0;
  bool proc = false, sysfs = false, mqueue = false;         // mounts to make
  std::uint32_t proc_attributes = 0, sysfs_attributes = 0;  // MOUNT_ATTR_*

  const char* cwd = nullptr;
  std::uint64_t bounding = 0;  // capabilities that stay in the bounding set, bit n for number n
  bool set_ids = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;

  Limits limits;
  Filter filter;
  bool listen = false;
  Program program;
};

[[noreturn]] void run_child(const ChildPlan& plan);

// Kills and reaps every process below this one, which is a subreaper; but for `spared` children,
// which it does not wait for either. `lists` are open /proc/PID/task/TID/children of its threads.
void end_children(const int* lists, std::size_t list_count, const pid_t* spared,
                  std::size_t spared_count);

}  // namespace lichen::sandbox
