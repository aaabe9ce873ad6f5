#include "ops/copied_files.h"

#include <charconv>
#include <cstring>

#include "base/digest.h"

namespace lichen::ops {

namespace {

constexpr std::string_view kMagic = "lichen copied files 1\n";

bool is_same(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_before(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

}  // namespace

CopiedFiles::Mark CopiedFiles::mark(const std::string& path, const struct ::stat& source) {
  const std::int64_t numbers[] = {static_cast<std::int64_t>(source.st_dev),
                                  static_cast<std::int64_t>(source.st_ino),
                                  static_cast<std::int64_t>(source.st_size),
                                  static_cast<std::int64_t>(source.st_mtim.tv_sec),
                                  static_cast<std::int64_t>(source.st_mtim.tv_nsec),
                                  static_cast<std::int64_t>(source.st_ctim.tv_sec),
                                  static_cast<std::int64_t>(source.st_ctim.tv_nsec)};
  std::string bytes(reinterpret_cast<const char*>(numbers), sizeof numbers);
  const std::string hex = sha256(bytes += path).hex();
  constexpr std::size_t kDigits = 16;  // of 64 bits
  constexpr int kBase = 16;
  Mark mark;
  std::from_chars(hex.data(), hex.data() + kDigits, mark.high, kBase);
  std::from_chars(hex.data() + kDigits, hex.data() + 2 * kDigits, mark.low, kBase);
  return mark;
}

CopiedFiles::Marks CopiedFiles::parse(std::string_view bytes) {
  Marks marks;
  if (bytes.substr(0, kMagic.size()) != kMagic) return marks;
  bytes.remove_prefix(kMagic.size());
  marks.reserve(bytes.size() / sizeof(Mark));
  for (Mark mark; bytes.size() >= sizeof mark; bytes.remove_prefix(sizeof mark)) {
    std::memcpy(&mark, bytes.data(), sizeof mark);
    marks.insert(mark);
  }
  return marks;
}

void CopiedFiles::note(const std::string& path, const struct ::stat& before,
                       const struct ::stat& after) {
  const bool is_whole = before.st_dev == after.st_dev && before.st_ino == after.st_ino &&
                        before.st_size == after.st_size && is_same(before.st_mtim, after.st_mtim) &&
                        is_same(before.st_ctim, after.st_ctim);
  if (is_whole && is_before(before.st_mtim, start_) && is_before(before.st_ctim, start_))
    marks_[path] = mark(path, before);
  else
    forget(path);
}

std::string CopiedFiles::to_bytes() const {
  std::string bytes(kMagic);
  bytes.reserve(kMagic.size() + marks_.size() * sizeof(Mark));
  for (const auto& [path, mark] : marks_)
    bytes.append(reinterpret_cast<const char*>(&mark), sizeof mark);
  return bytes;
}

}  // namespace lichen::ops
