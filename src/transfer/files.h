// The files of an image on disk, by their paths: of a directory or of a tar archive.
//
// Files are foreign: an open file's bytes are checked by who reads them against a digest. A path is
// relative, has no "..", and of a directory no symlink is followed out of it. Thread-safe.
//
// NewFiles is the other direction. A directory's files appear one by one, each when it is complete;
// an archive appears with finish(), and takes one file at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/stream.h"

namespace lichen::transfer {

class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  // kNotFound when there is none; the error names the place.
  virtual Result<std::unique_ptr<Source>> open(const std::string& path) = 0;
  virtual Result<std::uint64_t> size(const std::string& path) = 0;
  Result<std::string> read(const std::string& path);  // at most oci::kMaxDocumentBytes
  bool has(const std::string& path) { return size(path).has_value(); }
};

Result<std::unique_ptr<Files>> open_directory(const std::string& path);
// Plain or compressed; "-" is standard input. What cannot be read from any place is put into a file
// without a name in the directory `staging` first.
Result<std::unique_ptr<Files>> open_archive(const std::string& path, const std::string& staging);

class NewFiles {
 public:
  using Writer = std::function<Result<void>(Sink& to)>;

  NewFiles() = default;
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  virtual ~NewFiles() = default;

  virtual bool one_at_a_time() const = 0;
  // `write` gives exactly `size` bytes. A file of that path is replaced.
  virtual Result<void> put(const std::string& path, std::uint64_t size, const Writer& write) = 0;
  Result<void> put(const std::string& path, std::string_view bytes);
  // The bytes of an earlier file of that path, which only a directory can have; else kNotFound.
  virtual Result<std::string> earlier(const std::string& path) = 0;
  virtual bool has(const std::string& path, std::uint64_t size) = 0;
  virtual Result<void> finish() = 0;
};

// Made when it is not there.
Result<std::unique_ptr<NewFiles>> make_directory(const std::string& path);
// "-" is standard output (`output_fd`), which must be no terminal.
Result<std::unique_ptr<NewFiles>> make_archive(const std::string& path, int output_fd);

}  // namespace lichen::transfer
