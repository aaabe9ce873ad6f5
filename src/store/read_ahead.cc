#include "store/read_ahead.h"

#include <algorithm>
#include <cstring>

namespace lichen::store {

namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::size_t kMaxBlocks = 16;

}  // namespace

ReadAhead::ReadAhead(Source& from) : thread_([this, &from] { run(from); }) {}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

ReadAhead::Block ReadAhead::take_spare() {
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      Block block = std::move(spare_.back());
      spare_.pop_back();
      return block;
    }
  }
  return {.bytes = std::make_unique_for_overwrite<char[]>(kBlockBytes)};
}

void ReadAhead::run(Source& from) {
  for (;;) {
    Block block = take_spare();
    block.size = 0;
    std::optional<Error> error;
    while (block.size < kBlockBytes) {
      auto count = from.read(block.bytes.get() + block.size, kBlockBytes - block.size);
      if (!count) error = std::move(count).error();
      if (!count || *count == 0) break;
      block.size += *count;
    }
    const bool end = block.size < kBlockBytes;

    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || blocks_.size() < kMaxBlocks; });
    if (stopped_) return;
    if (block.size > 0) blocks_.push_back(std::move(block));
    error_ = std::move(error);
    ended_ = end;
    changed_.notify_all();
    if (end) return;
  }
}

Result<bool> ReadAhead::next_block() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || !blocks_.empty(); });
  if (blocks_.empty()) {
    if (error_) return fail(*error_);
    return false;
  }
  if (block_.bytes) spare_.push_back(std::move(block_));
  block_ = std::move(blocks_.front());
  blocks_.pop_front();
  at_ = 0;
  changed_.notify_all();
  return true;
}

Result<std::size_t> ReadAhead::read(char* buffer, std::size_t size) {
  if (at_ == block_.size && !TRY(next_block())) return 0;
  const std::size_t count = std::min(size, block_.size - at_);
  std::memcpy(buffer, block_.bytes.get() + at_, count);
  at_ += count;
  return count;
}

Result<void> ReadAhead::drain() {
  while (TRY(next_block())) {
  }
  at_ = block_.size;
  return {};
}

}  // namespace lichen::store
