// Child processes by pidfd. A Child is killed *and reaped* by its destructor, so no process of ours
// outlives the value that stands for it. Linux 5.3.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::os {

struct Exited {
  int code = 0;
  friend bool operator==(const Exited&, const Exited&) = default;
};
struct Signaled {
  int signal = 0;
  friend bool operator==(const Signaled&, const Signaled&) = default;
};
using WaitStatus = std::variant<Exited, Signaled>;
WaitStatus wait_status(int raw);  // of waitpid(2)

class Child {
 public:
  Child() = default;
  // Adopts a child of this process that has not been reaped.
  static Result<Child> adopt(pid_t pid);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  const UniqueFd& pidfd() const { return pidfd_; }  // readable when it has ended
  void kill(int signal) const;
  Result<WaitStatus> wait();  // blocks; reaps

 private:
  void end();
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// What a program's standard streams are; nullptr: /dev/null. Borrowed.
struct Streams {
  const UniqueFd *in = nullptr, *out = nullptr, *err = nullptr;
};
// Starts a program from PATH (posix_spawn; no shell), in a session of its own when told so.
Result<Child> spawn_program(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, const Streams& streams,
                            bool new_session = false);

struct SpawnOptions {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // all of it
  std::string input;             // written to its stdin
  std::size_t output_limit = 1u << 20;
  int timeout_ms = 30'000;  // 0: none
  // It has no terminal, and when it is stopped before its end, so are all that it has started; they
  // get a moment to clear up.
  bool new_session = false;
  std::function<bool()> cancelled;  // asked ten times a second: kCancelled
};
struct Output {
  WaitStatus status;
  std::string out, err;
};
// Runs a program from PATH to its end (posix_spawn; no shell), killing it at the time limit or when
// cancelled.
Result<Output> run_program(const SpawnOptions& options);
std::vector<std::string> current_environment();
// Absolute path of `program` in PATH (or in the usual system directories), or "".
std::string find_program(const std::string& program);

}  // namespace lichen::os
