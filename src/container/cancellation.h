// Of the job that this process does, a worker: when the front gives the job up, its step ends first
// and the worker after it, so that whoever waits for the worker has waited for both.
//
//   worker_cancellation().covers(pid, SIGKILL);  // the step's first process
//   worker_cancellation().passes_to(command);    // signals that the front passes on
//   … the step ends …
//   if (worker_cancellation().is_asked()) return fail(Errc::kCancelled, "cancelled");
//
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <vector>

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

  // `command` is a pidfd, or a child that has not been reaped. It gets the signals that have come
  // already.
  void passes_to(os::UniqueFd command);
  void passes_to(pid_t command);
  void pass(int signal);

 private:
  mutable std::mutex mutex_;
  os::UniqueFd first_;  // a pidfd
  int signal_ = 0;
  bool asked_ = false;
  os::UniqueFd command_;      // a pidfd
  std::vector<int> waiting_;  // signals that came before the command
};

Cancellation& worker_cancellation();  // one a process

}  // namespace lichen::container
