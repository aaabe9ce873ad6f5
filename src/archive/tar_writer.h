// TarWriter: entries to tar bytes, the same bytes for the same entries always.
//
//   TarWriter tar(sink);
//   TRY(tar.add({.path = "hello", .mode = 0644, .size = 6}));
//   TRY(tar.write("hello\n"));
//   TRY(tar.finish());
//
// A plain ustar header where all fits, else a pax extended header before it: long or non-ASCII
// names, large numbers, extended attributes (SCHILY.xattr.*). Records are sorted; times are whole
// seconds as docker writes them (Entry::mtime_ns is ignored); no atime, ctime, user or group name.
// Entries are written in the order given and not compared with each other.
//
// Errors are kInvalid for an entry that cannot be written or content that does not add up to
// Entry::size, and those of the Sink, which is borrowed and not closed. One thread.
//
// Rules: POSIX.1-2017 pax.
#pragma once

#include <string>
#include <string_view>

#include "archive/entry.h"
#include "base/stream.h"

namespace lichen::archive {

class TarWriter {
 public:
  explicit TarWriter(Sink& to) : to_(to) {}

  // Entry::size matters for files only. The content of the entry before must be complete.
  Result<void> add(const Entry& entry);
  // Content of the file that was added last.
  Result<void> write(std::string_view content);
  // Ends the archive (two zero blocks).
  Result<void> finish();

 private:
  Result<void> end_content() const;

  Sink& to_;
  std::string path_;  // of the current entry, for errors
  std::uint64_t left_ = 0;
  std::uint64_t padding_ = 0;
  bool finished_ = false;
};

}  // namespace lichen::archive
