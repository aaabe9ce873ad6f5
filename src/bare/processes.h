// The processes of the step: whom it may see in /proc, and signal. The tracer tells of each one
// before it runs (PTRACE_EVENT_FORK and its kin stop the new task first). Thread-safe.
#pragma once

#include <sys/types.h>

#include <shared_mutex>
#include <unordered_map>
#include <vector>

namespace lichen::bare {

class Processes {
 public:
  void add(pid_t tid);        // reads its thread group from /proc
  void remove(pid_t tid);     // it has ended
  bool has(pid_t pid) const;  // a process or a thread of the step
  pid_t first() const { return first_; }
  std::vector<pid_t> all() const;  // threads

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<pid_t, pid_t> process_of_;  // thread -> thread group
  pid_t first_ = 0;
};

}  // namespace lichen::bare
