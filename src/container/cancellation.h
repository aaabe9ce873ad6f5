// Of the job that this process does, a worker: when the front gives the job up, its step ends first
// and the worker after it, so that whoever waits for the worker has waited for both.
//
//   worker_cancellation().covers(pid, SIGKILL);  // the step's first process
//   … the step ends …
//   if (worker_cancellation().is_asked()) return fail(Errc::kCancelled, "cancelled");
//
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <mutex>

#include "os/fd.h"

namespace lichen::container {

class Cancellation {
 public:
  // `first` is a child that has not been reaped; `signal` to it ends the step. At once, if the job
  // has been given up.
  void covers(pid_t first, int signal);
  // false: no step has to end before.
  bool ask();
  bool is_asked() const;

 private:
  mutable std::mutex mutex_;
  os::UniqueFd first_;  // a pidfd
  int signal_ = 0;
  bool asked_ = false;
};

Cancellation& worker_cancellation();  // one a process

}  // namespace lichen::container
