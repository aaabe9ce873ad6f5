#include "bare/processes.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <mutex>
#include <string>

#include "os/file.h"

namespace lichen::bare {

namespace {

pid_t group_of(pid_t tid) {
  const auto status = os::read_file("/proc/" + std::to_string(tid) + "/status");
  if (!status) return tid;
  constexpr std::string_view kKey = "\nTgid:\t";
  const std::size_t at = status->find(kKey);
  pid_t group = tid;
  if (at != status->npos) {
    const char* from = status->data() + at + kKey.size();
    std::from_chars(from, status->data() + status->size(), group);
  }
  return group;
}

}  // namespace

void Processes::add(pid_t tid) {
  {
    std::shared_lock lock(mutex_);
    if (process_of_.contains(tid)) return;
  }
  const pid_t group = group_of(tid);
  std::unique_lock lock(mutex_);
  if (first_ == 0) first_ = group;
  process_of_.emplace(tid, group);
}

void Processes::remove(pid_t tid) {
  std::unique_lock lock(mutex_);
  process_of_.erase(tid);
}

bool Processes::has(pid_t pid) const {
  std::shared_lock lock(mutex_);
  return process_of_.contains(pid);
}

std::vector<pid_t> Processes::all() const {
  std::shared_lock lock(mutex_);
  std::vector<pid_t> threads;
  threads.reserve(process_of_.size());
  for (const auto& [tid, group] : process_of_) threads.push_back(tid);
  return threads;
}

}  // namespace lichen::bare
