// Entry: one member of a tar archive, apart from its content.
//
//   Entry entry{.path = "etc/passwd", .type = EntryType::kFile, .mode = 0644, .size = 512};
//
// A plain value. Rules: POSIX.1-2017 pax (ustar and pax interchange formats), OCI image-spec
// layer.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen::archive {

// Longest path and longest link target, as the kernel's PATH_MAX.
inline constexpr std::size_t kMaxPathBytes = 4096;

enum class EntryType {
  kFile,
  kDirectory,
  kSymlink,
  kHardlink,
  kCharDevice,
  kBlockDevice,
  kFifo,
};

struct Entry {
  // No leading "/" or "./", no trailing "/", no empty, "." or ".." component; "" is the root
  // directory itself.
  std::string path;
  EntryType type = EntryType::kFile;
  unsigned mode = 0;  // the 12 permission bits
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;  // bytes of content; 0 unless kFile
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  std::string link;  // kSymlink: the text as it is; kHardlink: a path in the form of `path`
  unsigned dev_major = 0;
  unsigned dev_minor = 0;
  std::map<std::string, std::string> xattrs;  // full name ("security.capability") -> bytes

  friend bool operator==(const Entry&, const Entry&) = default;
};

const char* to_text(EntryType type);

// Brings a path from an archive into the form of Entry::path ("./a//b/" -> "a/b", "/" -> "").
// kCorrupt on a ".." component, a NUL byte or more than kMaxPathBytes.
Result<std::string> parse_path(std::string_view raw);

}  // namespace lichen::archive
