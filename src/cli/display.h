// What draws a build's events. A Display knows no clock, no terminal and no thread: it is told the
// time (seconds, from any start) and writes through a function, so tests compare text.
//
// One call at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "build/event.h"
#include "cli/colours.h"

namespace lichen::cli {

using Writer = std::function<void(std::string_view bytes)>;

class Display {
 public:
  Display() = default;
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  virtual ~Display() = default;

  virtual void show(const build::Event& event, double now) = 0;
  virtual void tick(double now) = 0;  // about ten times a second
  virtual void finish(double now) = 0;
};

struct WindowSize {
  int columns = 80, rows = 24;
};

// `#N …` lines, as BuildKit's plain mode has them; people grep these.
std::unique_ptr<Display> plain_display(Writer writer);

// BuildKit's status stream (--progress=rawjson): JSON, an object a line. `time` gives the time of
// day as RFC 3339.
std::unique_ptr<Display> json_display(Writer writer, std::function<std::string()> time);

// Finished steps scroll by, running ones are redrawn below, under a line that counts both, with
// their last lines of output.
struct TtyOptions {
  bool colour = true;
  Colours colours = {};
  int log_lines = 6;  // of each running step
  std::function<WindowSize()> window;
};
std::unique_ptr<Display> tty_display(Writer writer, TtyOptions options);

// "Dockerfile:3: warning: …"
std::string warning_text(const build::Warning& warning);
// The Dockerfile's warnings for the end of a build, each once: a count, then a line for each, as
// buildx has them. "" without any; others than the Dockerfile's are not in it.
class WarningSummary {
 public:
  // False: not one for the summary.
  bool add(const build::Warning& warning);
  std::string text(bool colour) const;

 private:
  std::vector<std::string> lines_;
};
// "sha256:12… 1.2MB / 3.4MB"
std::string transfer_text(const build::StepTransfer& transfer);
// " 1.2MB / 3.4MB"; "" where nothing is counted.
std::string transfer_numbers(const build::StepTransfer& transfer);

}  // namespace lichen::cli
