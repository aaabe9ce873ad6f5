// The thread that traces the step: the back end of calls that stop by ptrace, and the one who knows
// which processes there are.
//
//   Tracer tracer(model, ended);
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
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bare/model.h"
#include "bare/registers.h"

namespace lichen::bare {

class Tracer {
 public:
  // `ended` is told of each thread that has.
  Tracer(Model& model, std::function<void(pid_t)> ended)
      : model_(model), ended_(std::move(ended)) {}

  int seize(pid_t child);  // 0 or errno
  int run();               // the first process's raw wait status

  // From any thread: calls are answered from now on. Before, the child's preparations run as they
  // stand.
  void start() { started_ = true; }

 private:
  struct Pending {  // a rewritten call that runs
    Registers before;
    std::function<std::int64_t(const emulate::Task&, std::int64_t)> after;
    std::uint64_t address = 0;  // of what was written below the stack, to be put back
    std::string written, overwritten;
  };

  void handle(pid_t tid, int status);
  void handle_end(pid_t tid, int status);
  void handle_stop(pid_t tid, int signal);
  void handle_call(pid_t tid);
  void handle_exit_of_call(pid_t tid);
  void handle_exec(pid_t tid);
  void handle_fork(pid_t parent);
  void add(pid_t tid);

  void act(pid_t tid, Registers& registers, const emulate::Task& task, Reply reply);
  void rewrite(pid_t tid, Registers& registers, const emulate::Task& task, Rewrite rewrite);
  Reply reopen(const emulate::Task& task, OpenFile request) const;
  void go_on(pid_t tid, int signal = 0) const;
  void kill_all() const;

  Model& model_;
  std::function<void(pid_t)> ended_;
  std::unordered_map<pid_t, Pending> pending_;
  std::unordered_set<pid_t> early_;  // reported before their parents reported them
  std::atomic<bool> started_ = false;
  bool ending_ = false;  // the first process is gone
  int first_status_ = 0;
};

}  // namespace lichen::bare
