#include "archive/entry.h"

#include "base/text.h"

namespace lichen::archive {

const char* to_text(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return "file";
    case EntryType::kDirectory:
      return "directory";
    case EntryType::kSymlink:
      return "symbolic link";
    case EntryType::kHardlink:
      return "hard link";
    case EntryType::kCharDevice:
      return "character device";
    case EntryType::kBlockDevice:
      return "block device";
    case EntryType::kFifo:
      return "fifo";
  }
  return "?";
}

Result<std::string> parse_path(std::string_view raw) {
  if (raw.size() > kMaxPathBytes)
    return fail(Errc::kCorrupt, "path of " + std::to_string(raw.size()) + " bytes is too long");
  if (raw.find('\0') != std::string_view::npos)
    return fail(Errc::kCorrupt, "path contains a NUL byte: " + printable(raw));
  std::string path;
  path.reserve(raw.size());
  while (!raw.empty()) {
    const std::size_t slash = raw.find('/');
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(slash == std::string_view::npos ? raw.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(Errc::kCorrupt, "path contains a \"..\" component");
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

}  // namespace lichen::archive
