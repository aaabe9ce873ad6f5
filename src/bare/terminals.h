// The terminals of a step: those that it made (opened /dev/ptmx), and its own. All others in the
// host's /dev/pts are somebody's who types there.
//
// A number that the step has given back may become another's while the step runs: known, and rare.
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <set>
#include <string_view>

#include "os/fd.h"

namespace lichen::bare {

// Majors of /dev/pts/N.
constexpr bool is_terminal(unsigned major) {
  return major >= 136 && major < 144;
}

// /dev/ptmx
constexpr bool is_terminal_master(unsigned major, unsigned minor) {
  return major == 5 && minor == 2;
}

class Terminals {
 public:
  void add(dev_t terminal);
  // The one whose master this is, or whose master /proc/PID/fdinfo/N is about (Linux 5.2).
  void add_of(const os::UniqueFd& master);
  void add_by_info(std::string_view fdinfo);
  bool has(dev_t terminal) const;

 private:
  mutable std::mutex mutex_;
  std::set<dev_t> all_;
};

}  // namespace lichen::bare
