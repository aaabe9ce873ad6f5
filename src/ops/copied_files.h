// Which files of a snapshot a COPY made out of the build context, and of what: the COPY that takes
// its place links those whose source has not changed since, and copies the others.
//
//   CopiedFiles files(start of the work);
//   files.note("src/a.c", before, after);   // written; forget() what is replaced
//   os::replace_file(store.copied_path(id), files.to_bytes());
//
//   const CopiedFiles::Marks marks = CopiedFiles::parse(bytes of the earlier one);
//   if (marks.count(CopiedFiles::mark("src/a.c", status)) != 0) …
//
// A mark is a hash of a path in the image and of what stat(2) says of the source: device, inode,
// size, mtime, ctime. As with the stat cache, a source that was touched not before the work began
// gets none (git's racy rule), and nor does one that changed while it was read. Pure.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace lichen::ops {

class CopiedFiles {
 public:
  struct Mark {
    std::uint64_t high = 0, low = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  struct Hash {
    std::size_t operator()(const Mark& mark) const noexcept { return mark.low; }
  };
  using Marks = std::unordered_set<Mark, Hash>;

  // Fewer are not worth a file.
  static constexpr std::size_t kFewest = 64;

  static Mark mark(const std::string& path, const struct ::stat& source);
  static Marks parse(std::string_view bytes);  // damaged: none

  explicit CopiedFiles(const struct ::timespec& start) : start_(start) {}
  // Copied: `before` and `after` say what the source was like.
  void note(const std::string& path, const struct ::stat& before, const struct ::stat& after);
  // Linked: it has this mark already.
  void note(const std::string& path, const Mark& mark) { marks_[path] = mark; }
  void forget(const std::string& path) { marks_.erase(path); }
  std::size_t size() const { return marks_.size(); }
  std::string to_bytes() const;

 private:
  struct ::timespec start_;
  std::unordered_map<std::string, Mark> marks_;
};

}  // namespace lichen::ops
