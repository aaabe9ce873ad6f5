#include "container/cancellation.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace lichen::container {

namespace {

bool send(const os::UniqueFd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace

void Cancellation::covers(pid_t first, int signal) {
  const std::lock_guard lock(mutex_);
  first_ = os::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, first, 0)));
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

Cancellation& worker_cancellation() {
  static Cancellation cancellation;
  return cancellation;
}

}  // namespace lichen::container
