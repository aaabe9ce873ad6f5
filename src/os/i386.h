// System calls of 32-bit programs on x86-64: the same tables serve who filters them and who answers
// them. On other machines there are none. Pure. Source: asm/unistd_32.h and unistd_64.h of Linux
// 6.1 (numbers do not change).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace lichen::os {

// `i386` means what `native` does, with the same arguments but for the width of pointers, and for
// what i386_call() below and the layout of `struct stat` say.
struct I386Number {
  int i386, native;
};
std::span<const I386Number> i386_numbers();
std::optional<int> native_of_i386(int i386);

// Those of before 2.4: ids of 16 bits, and stat without large files. Programs ask for them only
// where the newer ones are missing.
std::span<const int> i386_outdated();

// What stat64 and its kin write.
struct [[gnu::packed]] I386Stat {
  std::uint64_t dev;
  std::uint32_t pad0, short_ino, mode, nlink, uid, gid;
  std::uint64_t rdev;
  std::uint32_t pad1;
  std::int64_t size;
  std::uint32_t blksize;
  std::uint64_t blocks;
  std::uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
  std::uint64_t ino;
};
static_assert(sizeof(I386Stat) == 96);

// Of limits, which are of 32 bits there: not among the numbers above.
inline constexpr int kI386Setrlimit = 75;
inline constexpr int kI386Getrlimit[] = {76, 191};
// Its length comes in two halves, the second and third argument.
inline constexpr int kI386Truncate64 = 193;

}  // namespace lichen::os
