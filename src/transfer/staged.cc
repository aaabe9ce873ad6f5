#include "transfer/staged.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/file.h"

namespace lichen::transfer {

namespace {

const char kName[] = "a temporary file";

class StagedSink final : public Sink {
 public:
  explicit StagedSink(std::shared_ptr<const os::UniqueFd> fd) : fd_(std::move(fd)) {}
  Result<void> write(std::string_view bytes) override {
    auto written = os::write_all(*fd_, bytes);
    if (!written) return fail(std::move(written).error().in(kName));
    return {};
  }

 private:
  std::shared_ptr<const os::UniqueFd> fd_;
};

}  // namespace

Result<std::size_t> RegionSource::read(char* buffer, std::size_t size) {
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
  if (wanted == 0) return 0;
  ssize_t count = 0;
  do count = ::pread(fd_->get(), buffer, wanted, static_cast<off_t>(offset_));
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail(os_error("read", name_));
  offset_ += static_cast<std::uint64_t>(count);
  left_ -= static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

Result<Staged> Staged::create(const std::string& directory) {
  // Not O_TMPFILE, which NFS and older overlays lack.
  std::string path = directory + "/staged.XXXXXX";
  os::UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd.valid()) return fail(os_error("create a file in", directory));
  TRY(os::unlink(path));
  return Staged(std::make_shared<const os::UniqueFd>(std::move(fd)));
}

std::unique_ptr<Sink> Staged::sink() const {
  return std::make_unique<StagedSink>(fd_);
}

std::unique_ptr<Source> Staged::source() const {
  return std::make_unique<RegionSource>(fd_, kName);
}

}  // namespace lichen::transfer
