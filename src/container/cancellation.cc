#include "container/cancellation.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace lichen::container {

namespace {

os::UniqueFd open_process(pid_t pid) {
  return os::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool send(const os::UniqueFd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace

void Cancellation::covers(pid_t first, int signal) {
  const std::lock_guard lock(mutex_);
  first_ = open_process(first);
  signal_ = signal;
  if (asked_) (void)send(first_, signal_);
}

bool Cancellation::ask() {
  const std::lock_guard lock(mutex_);
  asked_ = true;
  return first_.valid() && send(first_, signal_);
}

bool Cancellation::is_asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void Cancellation::passes_to(pid_t command) {
  passes_to(open_process(command));
}

void Cancellation::passes_to(os::UniqueFd command) {
  const std::lock_guard lock(mutex_);
  command_ = std::move(command);
  for (const int signal : waiting_) (void)send(command_, signal);
  waiting_.clear();
}

void Cancellation::pass(int signal) {
  const std::lock_guard lock(mutex_);
  if (!command_.valid())
    waiting_.push_back(signal);
  else
    (void)send(command_, signal);
}

Cancellation& worker_cancellation() {
  static Cancellation cancellation;
  return cancellation;
}

}  // namespace lichen::container
