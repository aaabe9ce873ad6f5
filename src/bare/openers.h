// Opens that may wait (of a FIFO), each in a thread of its own, so that nobody else's call does.
//
//   openers.open(tid, "/proc/self/fd/7", flags, [](os::UniqueFd fd, int error) { … answer … });
//   openers.cancel(tid);   // the caller died: its open must not stay, it would be a phantom reader
//
// A waiting open is interrupted by a signal (kSignal, whose handler the constructor installs).
// Thread-safe; the destructor cancels all.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "os/fd.h"

namespace lichen::bare {

class Openers {
 public:
  static constexpr int kSignal = SIGURG;  // nobody else sends it, and it does no harm
  // `file` keeps what `path` names ("/proc/self/fd/N") until then. Not called when cancelled.
  using Done = std::function<void(os::UniqueFd opened, int error)>;

  Openers();
  Openers(const Openers&) = delete;
  Openers& operator=(const Openers&) = delete;
  ~Openers();

  // false: no thread could be started; `done` is not called.
  bool open(pid_t tid, os::UniqueFd file, int flags, Done done);
  void cancel(pid_t tid);  // of all opens of this thread; waits for them to be over

 private:
  struct Job {
    pid_t tid = 0;
    os::UniqueFd file;
    int flags = 0;
    Done done;
    std::atomic<bool> cancelled = false, over = false;
    std::thread thread;
  };
  static void run(Job& job);
  static void end(Job& job);
  void collect();  // joins those that are over; mutex held

  std::mutex mutex_;
  std::list<Job> jobs_;
};

}  // namespace lichen::bare
