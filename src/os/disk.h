// What lies on disk, beside its content: how much it takes, when it was used, what is left.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::os {

// Its times become now, if it is there.
void touch(const std::string& path);
// Its mtime, seconds since 1970; 0: it is not there.
std::int64_t modified(const std::string& path);

// Bytes that the tree takes, as du(1) counts: blocks, directories too, each inode once. Mounts and
// directories that cannot be read count without their content; what is not there is 0.
std::uint64_t disk_usage(const std::string& path);
// Of several trees: an inode that has names in more than one counts for the first.
std::vector<std::uint64_t> disk_usage(const std::vector<std::string>& paths);
// The same without what a directory holds.
std::uint64_t own_usage(const std::string& path);

// kNoSpace when the file system of `on` has less left than so many bytes: whoever announces more
// than fits is refused before the disk is full. Of a few bytes nothing is asked.
Result<void> require_space(const UniqueFd& on, std::uint64_t bytes);

}  // namespace lichen::os
