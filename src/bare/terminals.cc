#include "bare/terminals.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr unsigned kMajor = 136;

}  // namespace

void Terminals::add(dev_t terminal) {
  const std::lock_guard lock(mutex_);
  all_.insert(terminal);
}

void Terminals::add_of(const os::UniqueFd& master) {
  unsigned number = 0;
  if (::ioctl(master.get(), TIOCGPTN, &number) == 0) add(::makedev(kMajor, number));
}

void Terminals::add_by_info(std::string_view fdinfo) {
  constexpr std::string_view kKey = "\ntty-index:\t";
  const std::size_t at = fdinfo.find(kKey);
  if (at == fdinfo.npos) return;
  unsigned number = 0;
  const char* const end = fdinfo.data() + fdinfo.size();
  if (std::from_chars(fdinfo.data() + at + kKey.size(), end, number).ec == std::errc()) {
    add(::makedev(kMajor, number));
  }
}

bool Terminals::has(dev_t terminal) const {
  const std::lock_guard lock(mutex_);
  return all_.contains(terminal);
}

}  // namespace lichen::bare
