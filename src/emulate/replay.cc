#include "emulate/replay.h"

#include <fcntl.h>

#include <utility>

namespace lichen::emulate {

namespace {

constexpr auto kRestartsWithin = std::chrono::seconds(2);
constexpr std::size_t kMostKept = 256;

// What was made stands in its own way. An exclusive open is left to the kernel, which says EEXIST.
bool may_be_a_repetition(const Reply& now, const Reply& before) {
  if (const auto* error = std::get_if<Errno>(&now)) {
    return error->number == EEXIST || error->number == EADDRINUSE;
  }
  return std::holds_alternative<Continue>(now) && std::holds_alternative<NewFd>(before);
}

}  // namespace

Replays::Turn::Turn(Replays& replays, pid_t tid) : replays_(replays), tid_(tid) {
  std::unique_lock lock(replays_.mutex_);
  replays_.turn_ended_.wait(lock, [&] { return !replays_.turns_.contains(tid_); });
  replays_.turns_.insert(tid_);
}

Replays::Turn::~Turn() {
  std::lock_guard lock(replays_.mutex_);
  replays_.turns_.erase(tid_);
  replays_.turn_ended_.notify_all();
}

std::optional<Replays::Kept> Replays::find(const Task& task, bool delivered,
                                           Clock::time_point now) {
  const auto found = kept_.find(task.tid());
  if (found == kept_.end()) return std::nullopt;
  const Kept& kept = found->second;
  const bool same = kept.nr == task.nr() && kept.arguments == task.arguments() &&
                    now - kept.when <= kRestartsWithin;
  if (same && kept.delivered != delivered) return std::nullopt;
  std::optional<Kept> result;
  if (same) result = std::move(found->second);
  kept_.erase(found);
  return result;
}

std::optional<Reply> Replays::take(const Task& task, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  auto kept = find(task, false, now);
  if (!kept) return std::nullopt;
  return std::move(kept->reply);
}

Reply Replays::correct(const Task& task, Reply reply, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  auto kept = find(task, true, now);
  if (kept && may_be_a_repetition(reply, kept->reply)) return std::move(kept->reply);
  return reply;
}

void Replays::keep(const Task& task, Reply reply, bool delivered, Clock::time_point now) {
  // What changed nothing may as well be computed again.
  if (std::holds_alternative<Continue>(reply) || std::holds_alternative<Errno>(reply)) return;
  std::lock_guard lock(mutex_);
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_[task.tid()] = {task.nr(), task.arguments(), delivered, now, std::move(reply)};
}

Reply copy_of(const Reply& reply) {
  if (const auto* value = std::get_if<Value>(&reply)) return *value;
  if (const auto* error = std::get_if<Errno>(&reply)) return *error;
  const auto* file = std::get_if<NewFd>(&reply);
  if (file == nullptr) return Continue{};
  os::UniqueFd fd(::fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd.valid()) return Errno{errno};
  return NewFd{std::move(fd), file->cloexec};
}

}  // namespace lichen::emulate
