// Answers to calls that the kernel restarts although they were answered.
//
// Before Linux 5.19 a signal ends a caller's wait even while the Supervisor is at its call, and the
// kernel restarts the call after the handler: mkdir would then find what it has just made. So the
// last answer of each thread is kept, and is the answer to the same call
//   - when it could not be delivered; or
//   - when the call would fail now because of what it has made: an answer that comes at the same
//     time as the signal is delivered, and the call is restarted nevertheless.
//
//   const Replays::Turn turn(replays, task.tid());  // the restarted call waits for the first one
//   if (auto kept = replays.take(task)) reply = std::move(*kept);
//   else reply = replays.correct(task, answer(task, model));
//   replays.keep(task, copy_of(reply), was_delivered);
//
// A call that is not restarted (the handler was installed without SA_RESTART) is forgotten soon:
// time is what tells it from a later one. Thread-safe; bounded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "emulate/reply.h"
#include "emulate/task.h"

namespace lichen::emulate {

class Replays {
 public:
  using Clock = std::chrono::steady_clock;

  // While it lives no other thread of the Supervisor has the turn of the same caller.
  class Turn {
   public:
    Turn(Replays& replays, pid_t tid);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Replays& replays_;
    pid_t tid_;
  };

  std::optional<Reply> take(const Task& task, Clock::time_point now = Clock::now());
  Reply correct(const Task& task, Reply reply, Clock::time_point now = Clock::now());
  void keep(const Task& task, Reply reply, bool delivered, Clock::time_point now = Clock::now());

 private:
  struct Kept {
    int nr = 0;
    Task::Arguments arguments{};
    bool delivered = false;
    Clock::time_point when;
    Reply reply;
  };
  // That of the same call, removed; under mutex_. Another call of the thread ends the kept one.
  std::optional<Kept> find(const Task& task, bool delivered, Clock::time_point now);

  std::mutex mutex_;
  std::condition_variable turn_ended_;
  std::unordered_set<pid_t> turns_;
  std::unordered_map<pid_t, Kept> kept_;
};

// NewFd holds a duplicate; Errno when there can be none.
Reply copy_of(const Reply& reply);

}  // namespace lichen::emulate
