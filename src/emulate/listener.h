// The threads that serve a seccomp listener (seccomp_unotify(2)).
//
// One thread is as fast as several while one process calls at a time, so a second one is only woken
// when calls queue up, or when the first has been busy with one call for long: the call may wait
// for another process of the container (a FUSE server) that itself needs an answer.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "emulate/model.h"
#include "os/fd.h"

namespace lichen::emulate {

class Listener {
 public:
  // Answers a call by send(), now or later, or by other ioctls on the listener. Called by several
  // threads.
  using Handler = std::function<void(const os::UniqueFd& listener, const seccomp_notif& call)>;
  static Result<std::unique_ptr<Listener>> start(os::UniqueFd listener, Handler handler);
  // What answer() of model.h says. `model` must outlive it.
  static Result<std::unique_ptr<Listener>> start(os::UniqueFd listener, os::UniqueFd proc,
                                                 Model& model);
  // To a caller that died meanwhile: nothing.
  static void send(const os::UniqueFd& listener, std::uint64_t id, Reply reply);
  // The same, and what it returns could not be delivered: the caller is dead, or before Linux 5.19
  // at a signal's handler. `in_one_step` false: as Linux < 5.14, where that is tried first.
  static std::optional<Reply> deliver(const os::UniqueFd& listener, std::uint64_t id, Reply reply,
                                      bool in_one_step = true);

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();  // stop()
  void stop();  // ends the threads, each after the call that it is at

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lichen::emulate
