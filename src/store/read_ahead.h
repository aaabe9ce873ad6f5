// A Source that reads another one ahead, in a thread of its own: decompressing and hashing go on
// while files are created. Internal to store.
//
// Borrows `from`, which only that thread uses until the ReadAhead is gone or has answered 0. Its
// few blocks are used again and again.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/stream.h"

namespace lichen::store {

class ReadAhead final : public Source {
 public:
  explicit ReadAhead(Source& from);
  ~ReadAhead() override;
  Result<std::size_t> read(char* buffer, std::size_t size) override;
  // Passes over what is left.
  Result<void> drain();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };

  void run(Source& from);
  Block take_spare();
  Result<bool> next_block();  // false: the end

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  std::vector<Block> spare_;
  std::optional<Error> error_;
  bool ended_ = false, stopped_ = false;

  Block block_;  // the reader's
  std::size_t at_ = 0;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace lichen::store
