// TarReader: the entries of a tar archive, one after another.
//
//   TarReader tar(source);
//   while (std::optional<Entry> entry = TRY(tar.next())) {
//     if (entry->type == EntryType::kFile) TRY(copy(tar, file));  // the reader is the content
//   }
//
// Reads v7, ustar, star, GNU (long names, base-256 numbers, sparse files, dump directories) and
// pax (path, linkpath, size, uid, gid, mtime, SCHILY.xattr.*, sparse 0.0/0.1/1.0, global headers).
// Sparse files come out with their holes as zeros. Volume labels are passed over; parts of
// multi-volume archives are kUnsupported.
//
// The archive is foreign: headers are bounded (pax 1 MiB, paths kMaxPathBytes), and whatever the
// bytes are, the answer is an entry or an error that names the entry. Broken archives are
// kCorrupt; after an error every call gives that error again. An archive may end without its two
// zero blocks, as other readers allow, but only between entries.
//
// Borrows `from`, which must outlive it, and reads it ahead in large pieces: nothing is left there
// for another reader but what follows the end-of-archive blocks, of which a part may be consumed
// as well (HashingSource::drain() still gives the digest of everything). One thread.
//
// Rules: POSIX.1-2017 pax; GNU tar manual, "Tar Internals"; where those leave a choice, what
// docker does (content of links and directories does not exist whatever their size field says).
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "archive/entry.h"
#include "base/stream.h"

namespace lichen::archive {

// Do these bytes, the first 512 of a stream, begin a tar archive (an empty one, too)?
bool is_tar(std::string_view first_bytes);

class TarReader final : public Source {
 public:
  explicit TarReader(Source& from);
  ~TarReader() override;

  // The next entry, passing over what is left of the content of the current one.
  Result<std::optional<Entry>> next();
  // The content of the current entry; 0 at its end.
  Result<std::size_t> read(char* buffer, std::size_t size) override;
  // Where, in the bytes of `from`, the unread content of the current entry is: all of it in one
  // piece, unless it is sparse.
  std::uint64_t offset() const;
  bool is_sparse() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lichen::archive
