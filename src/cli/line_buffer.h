// A step's output, which comes in pieces, as lines. Carriage returns do what they do on a terminal:
// of "10%\r20%\r" the last part counts. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lichen::cli {

class LineBuffer {
 public:
  // The lines that `text` completes, without their ends.
  std::vector<std::string> add(std::string_view text);
  // What is there of a line that has not ended, and forgets it.
  std::string take_rest();
  std::string rest() const;

 private:
  static constexpr std::size_t kMaxLineBytes = 64 * 1024;  // longer lines are broken here
  std::string partial_;
};

}  // namespace lichen::cli
