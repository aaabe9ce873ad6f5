// getsockopt(SO_PEERCRED): the kernel says that every peer is 0:0; the model knows who it is now.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "emulate/fetch.h"
#include "emulate/model.h"

namespace lichen::emulate {

namespace {

Reply write_groups(const Task& task, const std::vector<std::uint32_t>& groups, socklen_t room) {
  const auto bytes = static_cast<socklen_t>(groups.size() * sizeof(std::uint32_t));
  if (!task.write(task.arg(4), &bytes, sizeof bytes)) return Errno{EFAULT};
  if (bytes > room) return Errno{ERANGE};
  if (bytes != 0 && !task.write(task.arg(3), groups.data(), bytes)) return Errno{EFAULT};
  return Value{0};
}

}  // namespace

Reply answer_peer(const Task& task, Model& model) {
  if (task.int_arg(1) != SOL_SOCKET) return Continue{};
  socklen_t room = 0;
  if (!task.read(task.arg(4), &room, sizeof room) || static_cast<int>(room) < 0) {
    return Continue{};
  }
  const auto caller = task.status();
  if (!caller) return Continue{};
  const os::UniqueFd socket = fetch_descriptor(*caller, task.int_arg(0));
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (!socket.valid() || !task.valid() ||
      ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
    return Continue{};
  }
  // pid 0: there is no peer, or it is outside of the container.
  const auto status = peer.pid > 0 ? read_task_status(task.proc(), peer.pid) : std::nullopt;
  if (!status) return Continue{};
  const auto credentials = model.credentials.of(peer.pid);
  if (task.int_arg(2) == SO_PEERGROUPS) return write_groups(task, credentials->groups, room);

  peer.pid = status->innermost_process;
  peer.uid = credentials->uid.effective;
  peer.gid = credentials->gid.effective;
  bytes = std::min<socklen_t>(room, sizeof peer);
  if (!task.write(task.arg(3), &peer, bytes) || !task.write(task.arg(4), &bytes, sizeof bytes)) {
    return Errno{EFAULT};
  }
  return Value{0};
}

}  // namespace lichen::emulate
