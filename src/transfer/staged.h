// A file without a name, for bytes that are wanted more than once: what a registry gives and
// another may have to be sent twice, an archive that came through a pipe, a layer made anew.
//
//   Staged file = TRY(Staged::create(directory));
//   TRY(copy(source, *file.sink()));
//   auto again = file.source();   // from the start; several at a time
//
// The file goes with the last of the values that share it. Sources may be read by several threads,
// once the sink is done.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/stream.h"
#include "os/fd.h"

namespace lichen::transfer {

// A part of a file, read by position: sources of one descriptor do not disturb each other.
class RegionSource final : public Source {
 public:
  RegionSource(std::shared_ptr<const os::UniqueFd> fd, std::string name, std::uint64_t offset = 0,
               std::uint64_t size = std::numeric_limits<std::uint64_t>::max())
      : fd_(std::move(fd)), name_(std::move(name)), offset_(offset), left_(size) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  std::shared_ptr<const os::UniqueFd> fd_;
  std::string name_;  // for errors
  std::uint64_t offset_, left_;
};

class Staged {
 public:
  static Result<Staged> create(const std::string& directory);
  std::unique_ptr<Sink> sink() const;  // appends
  std::unique_ptr<Source> source() const;
  const std::shared_ptr<const os::UniqueFd>& fd() const { return fd_; }

 private:
  explicit Staged(std::shared_ptr<const os::UniqueFd> fd) : fd_(std::move(fd)) {}
  std::shared_ptr<const os::UniqueFd> fd_;
};

}  // namespace lichen::transfer
