#include "bare/openers.h"

#include <fcntl.h>
#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr auto kBetweenSignals = std::chrono::milliseconds(1);

}  // namespace

Openers::Openers() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = [](int) {};  // without SA_RESTART: the open ends
  ::sigaction(kSignal, &action, nullptr);
}

Openers::~Openers() {
  const std::lock_guard lock(mutex_);
  for (Job& job : jobs_) end(job);
}

bool Openers::open(pid_t tid, os::UniqueFd file, int flags, Done done) {
  const std::lock_guard lock(mutex_);
  collect();
  Job& job = jobs_.emplace_back();
  job.tid = tid;
  job.file = std::move(file);
  job.flags = flags;
  job.done = std::move(done);
  try {
    job.thread = std::thread([&job] { run(job); });
  } catch (const std::system_error&) {
    jobs_.pop_back();
    return false;
  }
  return true;
}

void Openers::cancel(pid_t tid) {
  const std::lock_guard lock(mutex_);
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (job->tid == tid) {
      end(*job);
      job = jobs_.erase(job);
    } else {
      ++job;
    }
  }
}

void Openers::run(Job& job) {
  const std::string path = os::proc_path(job.file);
  while (!job.cancelled) {
    os::UniqueFd opened(::open(path.c_str(), job.flags | O_CLOEXEC | O_NOCTTY));
    const int error = opened.valid() ? 0 : errno;
    if (error == EINTR) continue;  // cancelled; or a signal for somebody else
    if (!job.cancelled) job.done(std::move(opened), error);
    break;
  }
  job.over = true;
}

void Openers::end(Job& job) {
  job.cancelled = true;
  // A signal that comes just before the open is lost: hence again.
  while (!job.over) {
    ::pthread_kill(job.thread.native_handle(), kSignal);
    std::this_thread::sleep_for(kBetweenSignals);
  }
  job.thread.join();
}

void Openers::collect() {
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (job->over) {
      job->thread.join();
      job = jobs_.erase(job);
    } else {
      ++job;
    }
  }
}

}  // namespace lichen::bare
