// Effort: how much of a machine compressing layers may take, so that memory stays within a bound.
//
//   const Effort effort = effort_within(64 << 20, Compression::kZstd, 3, cpus);
//
// Pure, but for the number of CPUs. The bytes of a layer do not depend on it (compression.h).
#pragma once

#include <cstdint>

#include "archive/compression.h"

namespace lichen::archive {

// What a command may take in all unless told otherwise (--mem-budget), and what of it is needed for
// everything but compressing.
inline constexpr std::uint64_t kMemoryBytes = 128 << 20;
inline constexpr std::uint64_t kOtherMemoryBytes = 40 << 20;

struct Effort {
  unsigned layers = 1;   // at once
  unsigned threads = 1;  // for each
  friend bool operator==(const Effort&, const Effort&) = default;
};

// What a compressor with so many threads keeps in memory at most.
std::uint64_t compressor_bytes(Compression compression, int level, unsigned threads);

// As many threads as there are CPUs, if they fit; one layer and one thread at least.
Effort effort_within(std::uint64_t bytes, Compression compression, int level, unsigned cpus);
// The same for this machine, where a command may take so much in all.
Effort effort_of(std::uint64_t memory_bytes, Compression compression, int level);

}  // namespace lichen::archive
