// A pseudo terminal between the caller's terminal and a container: `lichen run -t`.
//
// While it lives, the caller's terminal is in raw mode and a thread carries bytes both ways and
// window sizes in. The destructor puts the terminal back as it was.
#pragma once

#include <termios.h>

#include <optional>
#include <thread>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::build {

class Terminal {
 public:
  static Result<Terminal> open();
  Terminal(Terminal&&) = default;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  const os::UniqueFd& slave() const { return slave_; }
  // Begins to carry bytes; `interactive`: also the caller's input.
  void start(bool interactive);
  // The container has ended: carries what is left of its output.
  void finish();

 private:
  Terminal() = default;
  os::UniqueFd master_, slave_, stop_;
  std::optional<termios> before_;
  std::thread thread_;
};

}  // namespace lichen::build
