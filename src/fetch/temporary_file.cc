#include "fetch/temporary_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

#include "os/file.h"

namespace lichen::fetch {

Result<std::pair<TemporaryFile, os::UniqueFd>> TemporaryFile::create(const std::string& directory) {
  std::string path = directory + "/tmp.XXXXXX";
  os::UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd.valid()) return fail(os_error("create a file in", directory));
  return std::pair(TemporaryFile(std::move(path)), std::move(fd));
}

Result<TemporaryFile> TemporaryFile::link(const std::string& path, const std::string& directory) {
  // The name of a new file is ours; the link takes its place.
  auto [name, fd] = TRY(create(directory));
  const std::string beside = name.path_ + ".link";
  if (::link(path.c_str(), beside.c_str()) != 0) return fail(os_error("link", path));
  TemporaryFile linked(beside);
  TRY(linked.move_to(name.path_));
  return std::move(name);
}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  return *this;
}

Result<void> TemporaryFile::move_to(const std::string& path) {
  TRY(os::rename(path_, path));
  path_.clear();
  return {};
}

void TemporaryFile::remove() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace lichen::fetch
