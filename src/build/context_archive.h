// An archive that is a build context, and its unpacking.
//
// Rules: the archive is foreign. Nothing is written or linked outside of the directory, whatever
// paths, symlinks and hard links it has; a later entry takes the place of an earlier one. Owners
// are the caller's (a context's count as 0:0), and files are readable by them whatever the archive
// says. Times and the rest of the modes are kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/stream.h"

namespace lichen::build {

// How many bytes is_archive() wants to see.
inline constexpr std::size_t kArchiveHeadBytes = 512;
// A tar archive, perhaps compressed (gzip, zstd, bzip2, xz)?
bool is_archive(std::string_view head);

// Unpacks into the empty `directory`; gives the time of the newest entry (seconds since 1970),
// nullopt if there is none. kCorrupt, kUnsupported (a device node), kCancelled.
Result<std::optional<std::int64_t>> unpack_context(Source& bytes, const std::string& directory,
                                                   const std::atomic<bool>* cancelled);

// The same time without unpacking.
Result<std::optional<std::int64_t>> newest_entry(Source& bytes, const std::atomic<bool>* cancelled);

}  // namespace lichen::build
