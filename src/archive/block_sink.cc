#include "archive/block_sink.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lichen::archive {

namespace {

std::string_view input_of(const CompressionBlock& block) {
  return {block.input.get(), block.input_bytes};
}

}  // namespace

char* CompressionBlock::reserve_output(std::size_t bytes) {
  if (output_capacity < bytes) {
    output = std::make_unique_for_overwrite<char[]>(bytes);
    output_capacity = bytes;
  }
  return output.get();
}

BlockSink::BlockSink(std::size_t block_bytes, unsigned threads, Sink& to, Hasher* plain)
    : block_bytes_(block_bytes), threads_(std::min(threads, kMaxThreads)), to_(to), plain_(plain) {}

BlockSink::~BlockSink() {
  LICHEN_ASSERT(pool_.empty());
}

void BlockSink::stop() {
  for (std::jthread& thread : pool_) thread.request_stop();
  pool_.clear();  // joins
}

template <class F>
Result<void> BlockSink::guarded(F&& step) {
  if (failed_) return fail(*failed_);
  Result<void> result = step();
  if (!result) failed_ = result.error();
  return result;
}

Result<void> BlockSink::write(std::string_view bytes) {
  return guarded([&] { return append(bytes); });
}

Result<void> BlockSink::close() {
  return guarded([this]() -> Result<void> {
    TRY(finish());
    return to_.close();
  });
}

Result<void> BlockSink::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (current_ && current_->input_bytes == block_bytes_) TRY(submit());
    if (!current_) {
      if (spare_.empty()) {
        current_ = std::make_unique<CompressionBlock>();
        current_->input = std::make_unique_for_overwrite<char[]>(block_bytes_);
      } else {
        current_ = std::move(spare_.back());
        spare_.pop_back();
      }
      current_->input_bytes = 0;
    }
    const std::size_t count = std::min(bytes.size(), block_bytes_ - current_->input_bytes);
    std::memcpy(current_->input.get() + current_->input_bytes, bytes.data(), count);
    current_->input_bytes += count;
    bytes.remove_prefix(count);
  }
  return {};
}

Result<void> BlockSink::compress_here(CompressionBlock& block) {
  if (!codec_) codec_ = make_codec();
  if (plain_ != nullptr) plain_->update(input_of(block));
  TRY(codec_->compress(block));
  return emit(block);
}

Result<void> BlockSink::submit() {
  BlockPtr block = std::move(current_);
  if (threads_ <= 1) {
    TRY(compress_here(*block));
    spare_.push_back(std::move(block));
    return {};
  }
  if (pool_.empty()) start();
  block->pending = plain_ == nullptr ? 1 : 2;
  {
    std::lock_guard lock(mutex_);
    to_compress_.blocks.push_back(block.get());
    if (plain_ != nullptr) to_hash_.blocks.push_back(block.get());
  }
  in_flight_.push_back(std::move(block));
  to_compress_.is_more.notify_one();
  to_hash_.is_more.notify_one();
  if (in_flight_.size() + 1 >= blocks_of(threads_)) return emit_oldest();
  return {};
}

Result<void> BlockSink::emit(CompressionBlock& block) {
  if (!std::exchange(begun_, true)) TRY(to_.write(begin()));
  TRY(to_.write({block.output.get(), block.output_bytes}));
  emitted(block);
  return {};
}

Result<void> BlockSink::emit_oldest() {
  BlockPtr block = std::move(in_flight_.front());
  in_flight_.pop_front();
  {
    std::unique_lock lock(mutex_);
    block_done_.wait(lock, [&] { return block->pending == 0; });
  }
  if (block->error) return fail(std::move(*block->error));
  TRY(emit(*block));
  spare_.push_back(std::move(block));
  return {};
}

Result<void> BlockSink::finish() {
  if (current_ && pool_.empty()) {
    TRY(compress_here(*current_));  // the only block: not worth a thread
  } else if (current_) {
    TRY(submit());
  }
  while (!in_flight_.empty()) TRY(emit_oldest());
  stop();
  if (!std::exchange(begun_, true)) TRY(to_.write(begin()));
  return to_.write(end());
}

void BlockSink::start() {
  const auto compress = [this](const std::stop_token& token) {
    serve(to_compress_, token,
          [codec = make_codec()](CompressionBlock& block) { return codec->compress(block); });
  };
  const auto hash = [this](const std::stop_token& token) {
    serve(to_hash_, token, [this](const CompressionBlock& block) -> Result<void> {
      plain_->update(input_of(block));
      return {};
    });
  };
  for (unsigned i = 0; i < threads_; ++i) pool_.emplace_back(compress);
  if (plain_ != nullptr) pool_.emplace_back(hash);
}

template <class F>
void BlockSink::serve(Queue& queue, const std::stop_token& token, F&& step) {
  std::unique_lock lock(mutex_);
  while (queue.is_more.wait(lock, token, [&] { return !queue.blocks.empty(); })) {
    // Asked to stop: nobody will read the result.
    if (token.stop_requested()) return;
    CompressionBlock* const block = queue.blocks.front();
    queue.blocks.pop_front();
    lock.unlock();
    Result<void> result = step(*block);
    lock.lock();
    if (!result) block->error = std::move(result).error();
    if (--block->pending == 0) block_done_.notify_one();
  }
}

}  // namespace lichen::archive
