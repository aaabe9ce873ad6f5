// A build's progress on standard error: a display, the clock, and the thread that redraws.
//
//   Progress progress(mode, STDERR_FILENO, variables);
//   auto outcome = build::build(request, environment, progress.sink());
//   progress.finish();   // before anything else is written there
//
// The thread starts with the first event, not before: build::build must begin with one thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "build/event.h"
#include "cli/display.h"
#include "cli/progress_mode.h"
#include "cli/variables.h"

namespace lichen::cli {

class Progress {
 public:
  // `mode` is not kAuto; `fd` is borrowed.
  Progress(ProgressMode mode, int fd, const Variables& variables);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  build::EventSink sink();
  void finish();

 private:
  void show(const build::Event& event);
  void keep_ticking();
  double now() const;

  int fd_;
  std::unique_ptr<Display> display_;  // null: quiet
  bool hides_cursor_ = false;
  std::mutex mutex_;  // of all below, and of the display
  std::condition_variable changed_;
  bool started_ = false, finished_ = false;
  std::thread ticker_;
};

}  // namespace lichen::cli
