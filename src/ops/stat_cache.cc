#include "ops/stat_cache.h"

#include <ctime>

#include "base/wire.h"
#include "ops/selection.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

constexpr char kMagic[] = "lichen stat cache 1";
constexpr std::size_t kMaxBytes = 512u << 20;

bool same(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool older(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

std::string inode_key(const struct ::stat& status) {
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

// One line of the file, as numbers: the text of the digest comes last.
struct Line {
  std::string key;
  std::int64_t mtime_s = 0, mtime_ns = 0, ctime_s = 0, ctime_ns = 0, size = 0;
  std::uint32_t mode = 0;
  Digest digest;
};
template <class Wire>
void fields(Wire& wire, Line& line) {
  wire(line.key, line.mtime_s, line.mtime_ns, line.ctime_s, line.ctime_ns, line.size, line.mode,
       line.digest);
}
struct File {
  std::string magic;
  std::vector<Line> lines;
};
template <class Wire>
void fields(Wire& wire, File& file) {
  wire(file.magic, file.lines);
}

}  // namespace

StatCache::StatCache(std::string path) : path_(std::move(path)) {
  const auto bytes = os::find_file(path_, kMaxBytes);
  if (!bytes || !*bytes) return;
  const auto file = unpack<File>(**bytes);
  if (!file || file->magic != kMagic) return;
  entries_.with([&](Entries& entries) {
    for (const Line& line : file->lines)
      entries.by_inode[line.key] = {.mtime = {line.mtime_s, static_cast<long>(line.mtime_ns)},
                                    .ctime = {line.ctime_s, static_cast<long>(line.ctime_ns)},
                                    .size = line.size,
                                    .mode = line.mode,
                                    .digest = line.digest};
  });
}

Result<Digest> StatCache::digest(const os::UniqueFd& directory, const std::string& name,
                                 const struct ::stat& status) {
  const std::string key = inode_key(status);
  const Digest known = entries_.with([&](Entries& entries) {
    const auto found = entries.by_inode.find(key);
    if (found == entries.by_inode.end()) return Digest();
    const Entry& entry = found->second;
    if (!same(entry.mtime, status.st_mtim) || !same(entry.ctime, status.st_ctim) ||
        entry.size != status.st_size || entry.mode != status.st_mode)
      return Digest();
    return entry.digest;
  });
  if (!known.empty()) return known;

  struct ::timespec before {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &before);
  const Digest digest = TRY(read_digest(directory, name));
  // Coarse time is what the file system stamps with: a write in the same tick would not show.
  if (older(status.st_mtim, before) && older(status.st_ctim, before))
    entries_.with([&](Entries& entries) {
      entries.by_inode[key] = {.mtime = status.st_mtim,
                               .ctime = status.st_ctim,
                               .size = status.st_size,
                               .mode = status.st_mode,
                               .digest = digest};
      entries.changed = true;
    });
  return digest;
}

Result<void> StatCache::save() {
  File file{.magic = kMagic};
  const bool changed = entries_.with([&](Entries& entries) {
    for (const auto& [key, entry] : entries.by_inode)
      file.lines.push_back({key, entry.mtime.tv_sec, entry.mtime.tv_nsec, entry.ctime.tv_sec,
                            entry.ctime.tv_nsec, entry.size, entry.mode, entry.digest});
    return entries.changed;
  });
  if (!changed) return {};
  return os::replace_file(path_, pack(std::move(file)), 0600);
}

}  // namespace lichen::ops
