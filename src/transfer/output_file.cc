#include "transfer/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "os/file.h"

namespace lichen::transfer {

namespace {

constexpr int kMaxLinks = 40;

// The descriptor that a name like /dev/stdout means. Opening it by name would begin at the start of
// a file that others write, too, and not open a socket at all.
std::optional<int> descriptor_of(const std::string& path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view prefix : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!starts_with(path, prefix)) continue;
    int fd = -1;
    const char* const end = path.data() + path.size();
    const auto [at, error] = std::from_chars(path.data() + prefix.size(), end, fd);
    if (error == std::errc() && at == end && fd >= 0) return fd;
  }
  return std::nullopt;
}

// What is close-on-exec is ours, and was not meant.
Result<void> check_inherited(int fd, const std::string& path) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0) return {};
  return fail(Errc::kInvalid, printable(path) + " is not open");
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

struct Place {
  std::string path;              // no symlink
  bool is_special = false;       // neither a regular file nor absent
  std::optional<int> inherited;  // a descriptor that this process was given
};

Result<Place> resolve(const std::string& written) {
  if (written.empty()) return fail(Errc::kInvalid, "a file to write has no name");
  Place place{.path = written};
  const os::UniqueFd here = TRY(os::open(".", O_PATH | O_DIRECTORY));
  for (int links = 0;; ++links) {
    if ((place.inherited = descriptor_of(place.path))) {
      TRY(check_inherited(*place.inherited, place.path));
      return place;
    }
    const auto info = os::lstatat(here, place.path);
    if (!info) return fail(std::move(info).error());
    if (*info && S_ISDIR((*info)->st_mode))
      return fail(Errc::kInvalid, printable(written) + " is a directory, not a file");
    if (!*info || !S_ISLNK((*info)->st_mode)) {
      place.is_special = *info && !S_ISREG((*info)->st_mode);
      return place;
    }
    if (links == kMaxLinks) return fail(os_error(ELOOP, "open", written));
    const std::string target = TRY(os::readlinkat(here, place.path));
    const std::string parent = parent_of(place.path);
    place.path = starts_with(target, "/") ? target : parent == "." ? target : parent + target;
  }
}

Result<void> check_parent(const std::string& path) {
  const std::string parent = parent_of(path);
  if (path.back() == '/') return fail(os_error(ENOENT, "open", path));
  if (auto there = os::open(parent, O_PATH | O_DIRECTORY); !there)
    return fail(std::move(there).error().in(printable(path)));
  if (::access(parent.c_str(), W_OK | X_OK) < 0) return fail(os_error("write", path));
  return {};
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, int output_fd) {
  OutputFile file;
  if (path == "-") {
    file.fd_ = os::UniqueFd(::fcntl(output_fd, F_DUPFD_CLOEXEC, 3));
    if (!file.fd_.valid()) return fail(os_error("open", "standard output"));
    return file;
  }
  const Place place = TRY(resolve(path));
  if (place.inherited) {
    file.fd_ = os::UniqueFd(::fcntl(*place.inherited, F_DUPFD_CLOEXEC, 3));
    if (!file.fd_.valid()) return fail(os_error("open", path));
    return file;
  }
  if (!place.is_special) return replace(place.path);
  file.fd_ = TRY(os::open(place.path, O_WRONLY | O_NOCTTY));
  return file;
}

Result<OutputFile> OutputFile::replace(const std::string& path) {
  OutputFile file;
  // Two that write the same file at once do not meet.
  const std::string temporary = path + "." + std::to_string(::getpid()) + ".lichen-tmp";
  file.path_ = path;
  file.fd_ = TRY(os::open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666));
  file.temporary_ = temporary;
  return file;
}

Result<void> OutputFile::check(const std::string& path) {
  if (path == "-") return {};
  const Place place = TRY(resolve(path));
  if (place.inherited) return {};
  if (!place.is_special) return check_parent(place.path);
  if (::access(place.path.c_str(), W_OK) < 0) return fail(os_error("open", path));
  return {};
}

Result<void> OutputFile::remove(const std::string& path) {
  if (path == "-") return {};
  const Place place = TRY(resolve(path));
  if (place.inherited || place.is_special) return {};
  auto removed = os::unlink(place.path);
  if (!removed && removed.error().code != Errc::kNotFound) return removed;
  return {};
}

Result<void> OutputFile::write(const std::string& path, std::string_view bytes, int output_fd) {
  OutputFile file = TRY(create(path, output_fd));
  if (auto written = os::write_all(file.fd(), bytes); !written)
    return fail(std::move(written).error().in(printable(path)));
  return file.finish();
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      fd_(std::move(other.fd_)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) (void)os::unlink(temporary_);
}

Result<void> OutputFile::finish() {
  if (!temporary_.empty()) TRY(os::rename(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace lichen::transfer
