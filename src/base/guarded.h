// Guarded<T>: a value that can only be reached while its mutex is held.
//
//   Guarded<std::vector<Event>> events;
//   events.with([&](auto& list) { list.push_back(event); });
#pragma once

#include <mutex>
#include <utility>

namespace lichen {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  template <class F>
  decltype(auto) with(F&& f) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace lichen
