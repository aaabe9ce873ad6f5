#include "bare/sockets.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxDirectory = 80;   // leaves room for "/link/.name"
constexpr std::size_t kMaxNames = 1 << 16;  // a step that binds more than this forgets

}  // namespace

ShortPath::~ShortPath() {
  if (is_link_) ::unlink(path_.c_str());
}

Result<SocketDirectory> SocketDirectory::make(const std::string& scratch) {
  std::string directory = scratch + "/s";
  if (directory.size() <= kMaxDirectory) {
    TRY(os::mkdirs(directory, 0700));
    return SocketDirectory(std::move(directory), false);
  }
  const char* configured = std::getenv("TMPDIR");
  for (const std::string& place : {std::string(configured != nullptr ? configured : ""),
                                   std::string("/tmp"), std::string("/dev/shm")}) {
    directory = place + "/lichen-XXXXXX";
    if (place.empty() || place.front() != '/' || directory.size() > kMaxDirectory) continue;
    if (::mkdtemp(directory.data()) != nullptr) return SocketDirectory(std::move(directory), true);
  }
  return fail(Errc::kUnsupported, "no directory with a short path can be made for unix sockets",
              "let TMPDIR name a writable directory with a path of at most 60 characters");
}

SocketDirectory::SocketDirectory(SocketDirectory&& other) noexcept
    : path_(std::move(other.path_)), is_temporary_(std::exchange(other.is_temporary_, false)) {}

SocketDirectory::~SocketDirectory() {
  if (!is_temporary_) return;
  const auto removed = os::remove_tree(path_);  // else a few symlinks stay, in nobody's way
  static_cast<void>(removed);
}

std::string Sockets::next_name() {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = next_++;
  }
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return std::string(digits.data(), end.ptr);
}

emulate::Answer<std::shared_ptr<const ShortPath>> Sockets::shorten(const std::string& real_path,
                                                                   std::size_t room) {
  if (real_path.size() <= room) return std::make_shared<const ShortPath>(real_path, false);
  std::string link = directory_.path() + "/" + next_name();
  if (link.size() > room) return emulate::refuse(ENAMETOOLONG);
  if (::symlink(real_path.c_str(), link.c_str()) != 0) return emulate::refuse(errno);
  return std::make_shared<const ShortPath>(std::move(link), true);
}

void Sockets::remember(const std::string& real_address, const std::string& seen_as) {
  const std::lock_guard lock(mutex_);
  if (names_.size() >= kMaxNames) names_.clear();
  names_.insert_or_assign(real_address, seen_as);
}

std::optional<std::string> Sockets::seen_as(const std::string& real_address) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(real_address);
  return found == names_.end() ? std::nullopt : std::optional<std::string>(found->second);
}

}  // namespace lichen::bare
