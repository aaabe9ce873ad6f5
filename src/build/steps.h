// Turns what happens into Events: numbers steps in the order in which they are first mentioned and
// times them. Thread-safe; events leave one at a time.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "build/event.h"

namespace lichen::build {

class Steps {
 public:
  explicit Steps(EventSink sink) : sink_(std::move(sink)) {}

  // `key` names a step within this build.
  void started(const std::string& key, const std::string& name);
  void missed(const std::string& key, const std::string& why);
  void cached(const std::string& key, const std::string& name);
  void finished(const std::string& key, const Error* error);
  void log(const std::string& key, bool is_stderr, const std::string& text);
  void transfer(const std::string& key, const std::string& what, std::uint64_t bytes,
                std::uint64_t total, bool done);
  void send(const Event& event);  // Warning, Notice

  // 0: it was not mentioned yet.
  int number(const std::string& key);
  // The last lines that the step wrote, at most kTailBytes.
  std::string tail(const std::string& key);

 private:
  static constexpr std::size_t kTailBytes = 16 * 1024;
  struct Step {
    int number = 0;
    std::chrono::steady_clock::time_point start;
    std::string tail;
  };
  Step& step(const std::string& key);

  std::mutex mutex_;
  EventSink sink_;
  std::map<std::string, Step> steps_;
};

}  // namespace lichen::build
