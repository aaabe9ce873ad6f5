#include "build/steps.h"

namespace lichen::build {

Steps::Step& Steps::step(const std::string& key) {
  Step& step = steps_[key];
  if (step.number == 0) step.number = static_cast<int>(steps_.size());
  return step;
}

void Steps::started(const std::string& key, const std::string& name) {
  std::lock_guard lock(mutex_);
  Step& one = step(key);
  one.start = std::chrono::steady_clock::now();
  sink_(StepStarted{one.number, name});
}

void Steps::missed(const std::string& key, const std::string& why) {
  std::lock_guard lock(mutex_);
  sink_(StepMissed{step(key).number, why});
}

void Steps::cached(const std::string& key, const std::string& name) {
  std::lock_guard lock(mutex_);
  sink_(StepCached{step(key).number, name});
}

void Steps::finished(const std::string& key, const Error* error) {
  std::lock_guard lock(mutex_);
  const Step& one = step(key);
  if (error != nullptr) {
    sink_(StepFailed{one.number, *error});
    return;
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - one.start;
  sink_(StepDone{one.number, time.count()});
}

void Steps::log(const std::string& key, bool is_stderr, const std::string& text) {
  std::lock_guard lock(mutex_);
  Step& one = step(key);
  one.tail += text;
  if (one.tail.size() > 2 * kTailBytes) one.tail.erase(0, one.tail.size() - kTailBytes);
  sink_(StepLog{one.number, is_stderr, text});
}

void Steps::transfer(const std::string& key, const std::string& what, std::uint64_t bytes,
                     std::uint64_t total, bool done) {
  std::lock_guard lock(mutex_);
  sink_(StepTransfer{step(key).number, what, bytes, total, done});
}

void Steps::send(const Event& event) {
  std::lock_guard lock(mutex_);
  sink_(event);
}

int Steps::number(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = steps_.find(key);
  return found == steps_.end() ? 0 : found->second.number;
}

std::string Steps::tail(const std::string& key) {
  std::lock_guard lock(mutex_);
  const std::string& tail = step(key).tail;
  return tail.size() <= kTailBytes ? tail : tail.substr(tail.size() - kTailBytes);
}

}  // namespace lichen::build
