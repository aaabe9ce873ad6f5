// bind(2) of a named AF_UNIX socket makes a file. For a caller whose files are not 0:0 the
// Supervisor binds the caller's own socket, which it fetches, from the right directory.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "emulate/create.h"
#include "emulate/fetch.h"

namespace lichen::emulate {

namespace {

// The name; empty: another family, an abstract or unnamed address, or nothing readable.
std::string decode(const Task& task) {
  sockaddr_un address{};
  constexpr std::size_t kPathAt = offsetof(sockaddr_un, sun_path);
  const std::uint32_t bytes = task.word_arg(2);
  if (bytes <= kPathAt || bytes > sizeof address) return {};
  if (!task.read(task.arg(1), &address, bytes) || address.sun_family != AF_UNIX) return {};
  return std::string(address.sun_path, ::strnlen(address.sun_path, bytes - kPathAt));
}

}  // namespace

Reply answer_bind(const Task& task, Model& model) {
  const std::string path = decode(task);
  if (path.empty()) return Continue{};
  const auto credentials = model.credentials.of(task.tid());
  const auto parent = find_parent(task, *credentials, AT_FDCWD, path);
  if (!parent || parent->slash_at_end) return Continue{};
  const auto record = owner_of_new(task, model, *credentials, *parent, AT_FDCWD, path);
  if (!record) {
    return status_of(parent->directory, parent->name) ? Errno{EADDRINUSE} : record.error();
  }
  const auto caller = task.status();
  if (record->is_default() || !caller) return Continue{};
  const os::UniqueFd socket = fetch_descriptor(*caller, task.int_arg(0));
  if (!socket.valid() || !task.valid()) return Continue{};

  // getsockname(2) shows the address as it was given, so it is given again, from the caller's own
  // directory: the current directory of this thread is nobody else's. In another root only the
  // name works.
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string& given = credentials->own_root ? parent->name : path;
  if (given.size() > sizeof address.sun_path) return Continue{};
  std::memcpy(address.sun_path, given.data(), given.size());
  const auto bytes = static_cast<socklen_t>(
      std::min(sizeof address, offsetof(sockaddr_un, sun_path) + given.size() + 1));
  const os::UniqueFd current =
      open_place(locate(task, Credentials{}, AT_FDCWD, "", Last::kFollow), O_PATH | O_DIRECTORY);
  if (!current.valid() || !task.valid()) return Continue{};
  if (::fchdir(credentials->own_root ? parent->directory.get() : current.get()) != 0) {
    return Continue{};
  }
  int failure = 0;
  {
    const ThreadUmask umask(caller->umask);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) {
      failure = errno;
    }
  }
  const int ignored = ::chdir("/");
  static_cast<void>(ignored);
  if (failure != 0) return Errno{failure};
  if (const auto made = status_of(parent->directory, parent->name)) {
    model.files.put(*made, *record);
  }
  return Value{0};
}

}  // namespace lichen::emulate
