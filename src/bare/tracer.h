// The thread that traces the step: the back end of calls that stop by ptrace, and the one who knows
// which processes there are.
//
//   Tracer tracer(model);
//   std::thread thread([&] { … tracer.seize(child) … tracer.run() … });
//
// All of its functions belong to one thread, which is the tracer of every process of the step from
// its first instruction on (PTRACE_O_TRACEFORK and its kin), and their reaper when nobody else is.
// run() returns when the first process has ended, and all others, which it kills then. When our
// process dies, the kernel kills them (PTRACE_O_EXITKILL). ptrace(2), seccomp(2).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bare/model.h"
#include "bare/registers.h"
#include "base/guarded.h"

namespace lichen::bare {

class Tracer {
 public:
  explicit Tracer(Model& model) : model_(model) {}

  int seize(pid_t child);  // 0 or errno
  int run();               // the first process's raw wait status

  // From any thread: calls are answered from now on. Before, the child's preparations run as they
  // stand.
  void start() { started_ = true; }
  // From any thread, for a call that the listener has: the caller shall do it itself, as in a
  // ptrace stop. What the call is to be answered with: an errno that makes the kernel run it again,
  // after a signal that we send, at whose delivery the tracer puts the other call in its place.
  int divert(const emulate::Task& task, OpenFile request);

 private:
  struct Pending {  // a rewritten call that runs
    Registers before;
    std::function<std::int64_t(const emulate::Task&, std::int64_t)> after;
    std::uint64_t address = 0;  // of what was written below the stack, to be put back
    std::string written, overwritten;
    bool restarting = false;  // diverted, and not yet run again
  };

  void handle(pid_t tid, int status);
  void handle_end(pid_t tid, int status);
  void keep_whole(pid_t tid) const;
  void handle_signal(pid_t tid, int signal);
  void handle_stop(pid_t tid, int signal);
  void handle_call(pid_t tid);
  void handle_exit_of_call(pid_t tid);
  void handle_exec(pid_t tid);
  void handle_fork(pid_t parent);
  void add(pid_t tid);

  void act(pid_t tid, Registers& registers, const emulate::Task& task, Reply reply);
  void rewrite(pid_t tid, Registers& registers, const emulate::Task& task, Rewrite rewrite);
  // Writes the texts into the caller's memory, and what they point to. nullopt: it has no room.
  std::optional<Pending> prepare(pid_t tid, const Registers& registers, const emulate::Task& task,
                                 Rewrite& rewrite) const;
  void put_back(const Pending& pending, const emulate::Task& task) const;
  bool is_diversion(pid_t tid) const;  // the signal that is delivered
  Reply reopen(const emulate::Task& task, OpenFile request) const;
  void go_on(pid_t tid, int signal = 0) const;
  void kill_all() const;

  Model& model_;
  std::unordered_map<pid_t, Pending> pending_;
  struct Diversion {
    int nr = 0;
    emulate::Task::Arguments arguments{};
    OpenFile request;
  };
  Guarded<std::unordered_map<pid_t, Diversion>> diversions_;
  std::unordered_set<pid_t> early_;  // reported before their parents reported them
  std::atomic<bool> started_ = false;
  bool ending_ = false;  // the first process is gone
  int first_status_ = 0;
};

}  // namespace lichen::bare
