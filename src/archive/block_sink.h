// BlockSink: cuts its input into blocks of fixed size, compresses them in a pool of threads and
// writes the results in order. Internal to archive.
//
// The input can be hashed, too: by one more thread, in order, so that neither who writes nor who
// compresses waits for it.
//
// A derived Sink says how a block is compressed (make_codec; one codec a thread) and what stands
// before, between and behind the blocks (begin, emitted, end), which run on the owner's thread.
// An empty input has no block.
//
// Memory: at most blocks_of(threads) blocks, which are reused. Threads start when a second block
// begins, so that small inputs have none.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/stream.h"

namespace lichen::archive {

inline constexpr std::size_t kGzipBlockBytes = 1024 * 1024;
// Twice the window of zstd's default level: cutting costs little.
inline constexpr std::size_t kZstdBlockBytes = 4 * 1024 * 1024;
inline constexpr unsigned kMaxThreads = 64;

// One a thread, two that wait, one that is being filled.
constexpr std::size_t blocks_of(unsigned threads) {
  return threads <= 1 ? 2 : threads + 3;
}

struct CompressionBlock {
  std::unique_ptr<char[]> input;
  std::size_t input_bytes = 0;
  std::unique_ptr<char[]> output;
  std::size_t output_capacity = 0;
  std::size_t output_bytes = 0;
  std::uint32_t crc = 0;  // of the input, where the format wants it
  int pending = 0;        // of compressing and hashing; guarded by the sink's mutex
  std::optional<Error> error;

  // Makes room for the output; what was there is lost.
  char* reserve_output(std::size_t bytes);
};

class BlockCodec {
 public:
  virtual ~BlockCodec() = default;
  // From block.input to block.output; the result must not depend on the blocks before.
  virtual Result<void> compress(CompressionBlock& block) = 0;
};

class BlockSink : public Sink {
 public:
  // `plain` takes the input in, if it is not null; it has all of it when close() returns.
  BlockSink(std::size_t block_bytes, unsigned threads, Sink& to, Hasher* plain);
  ~BlockSink() override;
  Result<void> write(std::string_view bytes) override;
  Result<void> close() override;

 protected:
  virtual std::unique_ptr<BlockCodec> make_codec() const = 0;  // called from any thread
  virtual std::string begin() = 0;
  virtual void emitted(const CompressionBlock& block) = 0;
  virtual std::string end() = 0;
  // A derived class calls this in its destructor: threads use make_codec().
  void stop();

 private:
  using BlockPtr = std::unique_ptr<CompressionBlock>;
  struct Queue {
    std::condition_variable_any is_more;
    std::deque<CompressionBlock*> blocks;  // guarded by mutex_
  };

  Result<void> append(std::string_view bytes);
  Result<void> submit();  // gives the current block away
  Result<void> compress_here(CompressionBlock& block);
  Result<void> emit(CompressionBlock& block);
  Result<void> emit_oldest();
  Result<void> finish();
  void start();
  // Until it is asked to stop: takes blocks out of the queue, and has `step` done with each.
  template <class F>
  void serve(Queue& queue, const std::stop_token& token, F&& step);
  template <class F>
  Result<void> guarded(F&& step);

  const std::size_t block_bytes_;
  const unsigned threads_;
  Sink& to_;
  Hasher* const plain_;  // of the thread that hashes, while there is one
  bool begun_ = false;
  std::optional<Error> failed_;
  BlockPtr current_;
  std::vector<BlockPtr> spare_;
  std::unique_ptr<BlockCodec> codec_;  // of the owner's thread, when there are no others

  std::mutex mutex_;
  Queue to_compress_, to_hash_;
  std::condition_variable block_done_;
  std::deque<BlockPtr> in_flight_;  // in the order of the output; the owner's
  std::vector<std::jthread> pool_;
};

}  // namespace lichen::archive
