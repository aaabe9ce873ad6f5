// Starts a step's first process, stopped before its execve: what run() does with threads beside it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "bare/child.h"
#include "bare/model.h"
#include "bare/step.h"
#include "base/result.h"
#include "os/fd.h"
#include "sandbox/child_socket.h"

namespace lichen::bare {

// The child, and the way to it.
class Launched {
 public:
  // Forks. The calling process must be single-threaded.
  static Result<Launched> fork(const Options& options, const Model& model, Stdio stdio);
  ~Launched();  // kills a child that was not seized
  Launched(Launched&&) noexcept;
  Launched& operator=(Launched&&) = delete;

  pid_t pid() const { return pid_; }
  Result<void> await_alive();  // it may be seized now
  // After somebody has seized it: it installs its filter. nullopt: without a listener.
  Result<std::optional<os::UniqueFd>> prepare();
  Result<void> start();  // execve happens now

 private:
  Launched(pid_t pid, sandbox::ChildSocket socket) : pid_(pid), socket_(std::move(socket)) {}
  pid_t pid_;
  sandbox::ChildSocket socket_;
  bool is_seized_ = false;
};

}  // namespace lichen::bare
