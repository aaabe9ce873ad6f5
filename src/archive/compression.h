// Compressed streams: a Source that decompresses, a Sink that compresses.
//
//   std::unique_ptr<Source> tar = TRY(open_decompressor(blob));       // by content, not by name
//   std::unique_ptr<Sink> gzip = TRY(make_compressor(Compression::kGzip, -1, threads, file));
//   TRY(copy(*tar, *gzip));
//   TRY(gzip->close());
//
// Compressed bytes depend on the input and the level only: never on the number of threads, on how
// the input was cut into writes, or on the CPU. Both are made of blocks of fixed size that are
// compressed independently: gzip as one member (RFC 1952: readers that stop after the first
// exist), zstd as frames (RFC 8878). Threads start with the second block, so that a small layer
// costs none; a few blocks a thread are in memory.
//
// The streams borrow `from` and `to`, which must outlive them, and belong to one thread (which
// alone calls `to`). close() ends the compressed stream and closes `to`; destruction without it
// discards what was not yet written and waits for the threads.
//
// Errors: kCorrupt for what is truncated, damaged, or followed by anything but another member or,
// after gzip, zeros; kUnsupported for streams that want too much memory; else those of the stream
// borrowed. After an error every call fails.
#pragma once

#include <memory>
#include <string_view>

#include "base/stream.h"

namespace lichen::archive {

enum class Compression { kNone, kGzip, kZstd, kBzip2, kXz };

// How many bytes detect() wants to see.
inline constexpr std::size_t kMagicBytes = 6;

Compression detect(std::string_view first_bytes);
const char* to_text(Compression compression);

// Bytes that no format knows pass through (kNone). `found` tells what it is, if not null.
Result<std::unique_ptr<Source>> open_decompressor(Source& from, Compression* found = nullptr);

// Levels: gzip 0 to 9 (up to 3 fast, from 4 on a little smaller), zstd 1 to 19; -1 is the default.
// On a CPU that would give other bytes (x86-64 without SSE4.2) gzip is kUnsupported.
// kNone passes through; bzip2 and xz are kUnsupported: images do not use them.
// `plain`, borrowed too, takes in what is written (a layer's diff id), on a thread of its own where
// there are others; it is the caller's again when close() has returned.
Result<std::unique_ptr<Sink>> make_compressor(Compression compression, int level, unsigned threads,
                                              Sink& to, Hasher* plain = nullptr);

}  // namespace lichen::archive
