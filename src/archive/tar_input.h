// TarInput: reads a Source in large pieces and gives it out in blocks. Internal to archive.
//
// Borrows the Source. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "archive/tar_header.h"
#include "base/stream.h"

namespace lichen::archive {

class TarInput {
 public:
  explicit TarInput(Source& from) : from_(from) {}

  // False at the end of the Source; kCorrupt when it ends within the block.
  Result<bool> read_block(Block& block);
  // Some bytes, at least one; kCorrupt at the end of the Source. `size` is not 0.
  Result<std::size_t> read_some(char* buffer, std::size_t size);
  Result<void> read_exactly(char* buffer, std::size_t size);
  Result<void> skip(std::uint64_t bytes);
  std::uint64_t offset() const { return taken_ - (end_ - begin_); }  // of the next byte

 private:
  Result<bool> fill();  // false at the end

  Source& from_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;  // from the Source
};

}  // namespace lichen::archive
