// Whose socket it is: addresses that the kernel tells, SO_PEERCRED and SO_PEERGROUPS. All of it is
// put right after the call: nobody but the caller has the socket.
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>

#include "bare/address.h"
#include "bare/socket.h"

namespace lichen::bare {

namespace {

constexpr std::uint32_t kNobody = 65534;

PeerNow outsider(const Model& model, std::uint32_t uid, std::uint32_t gid) {
  return {uid == model.uid ? 0 : kNobody, gid == model.gid ? 0 : kNobody};
}

std::int64_t tell_credentials(const emulate::Task& task, const Model& model, std::uint64_t value,
                              std::uint64_t length) {
  socklen_t bytes = 0;
  ucred peer{};
  if (!task.read(length, &bytes, sizeof bytes) || bytes < sizeof peer.pid) return 0;
  bytes = std::min<socklen_t>(bytes, sizeof peer);
  if (!task.read(value, &peer, bytes) || peer.pid <= 0) return 0;  // 0: has no peer
  const PeerNow now = effective_ids(model, peer.pid, peer.uid, peer.gid);
  peer.uid = now.uid;
  peer.gid = now.gid;
  return task.write(value, &peer, bytes) ? 0 : -EFAULT;
}

// The kernel was asked for SO_PEERCRED instead, whose first word says which process it is.
std::int64_t tell_groups(const emulate::Task& task, const Model& model, std::uint64_t value,
                         std::uint64_t length, socklen_t room) {
  pid_t process = 0;
  if (!task.read(value, &process, sizeof process)) return -EFAULT;
  if (process <= 0) return -ENODATA;
  std::vector<std::uint32_t> groups;
  if (model.processes.has(process)) groups = model.root.credentials.of(process)->groups;
  const auto bytes = static_cast<socklen_t>(groups.size() * sizeof(std::uint32_t));
  if (!task.write(length, &bytes, sizeof bytes)) return -EFAULT;
  if (bytes > room) return -ERANGE;
  return bytes == 0 || task.write(value, groups.data(), bytes) ? 0 : -EFAULT;
}

}  // namespace

void translate_address(const emulate::Task& task, const Sockets& sockets, std::uint64_t address,
                       std::uint32_t room, std::uint64_t length) {
  std::uint32_t bytes = 0;
  if (!task.read(length, &bytes, sizeof bytes)) return;
  const auto path =
      read_address(task, address, std::min({bytes, room, std::uint32_t{kMaxAddress}}));
  const auto seen = path ? sockets.seen_as(*path) : std::nullopt;
  if (!seen) return;
  const std::string real = to_sockaddr(*seen);
  bytes = static_cast<std::uint32_t>(real.size());
  task.write(address, real.data(), std::min<std::size_t>(room, real.size()));
  task.write(length, &bytes, sizeof bytes);
}

PeerNow effective_ids(const Model& model, pid_t process, std::uint32_t uid, std::uint32_t gid) {
  if (!model.processes.has(process)) return outsider(model, uid, gid);
  const auto credentials = model.root.credentials.of(process);
  return {credentials->uid.effective, credentials->gid.effective};
}

PeerNow real_ids(const Model& model, pid_t process, std::uint32_t uid, std::uint32_t gid) {
  if (!model.processes.has(process)) return outsider(model, uid, gid);
  const auto credentials = model.root.credentials.of(process);
  return {credentials->uid.real, credentials->gid.real};
}

Reply answer_address(const Call& call, Model& model, std::size_t address_arg) {
  const std::uint64_t address = call.task.arg(address_arg);
  const std::uint64_t length = call.task.arg(address_arg + 1);
  std::uint32_t room = 0;
  if (address == 0 || !call.task.read(length, &room, sizeof room)) return Continue{};
  Rewrite rewrite{.nr = call.task.nr(), .arguments = call.task.arguments()};
  rewrite.after = [&model, address, room, length](const emulate::Task& task, std::int64_t result) {
    if (result >= 0) translate_address(task, model.sockets, address, room, length);
    return result;
  };
  return rewrite;
}

Reply answer_peer(const Call& call, Model& model) {
  const emulate::Task& task = call.task;
  const int option = task.int_arg(2);
  if (task.int_arg(1) != SOL_SOCKET || (option != SO_PEERCRED && option != SO_PEERGROUPS)) {
    return Continue{};
  }
  const std::uint64_t value = task.arg(3), length = task.arg(4);
  socklen_t room = 0;
  if (!task.read(length, &room, sizeof room)) return Continue{};
  Rewrite rewrite{.nr = task.nr(), .arguments = task.arguments()};
  if (option == SO_PEERCRED) {
    rewrite.after = [&model, value, length](const emulate::Task& caller, std::int64_t result) {
      return result < 0 ? result : tell_credentials(caller, model, value, length);
    };
    return rewrite;
  }
  // Without room for a number we could not ask who the peer is: the kernel's own count, then.
  if (room < sizeof(pid_t) || static_cast<int>(room) < 0) return Continue{};
  rewrite.arguments[2] = SO_PEERCRED;
  rewrite.after = [&model, value, length, room](const emulate::Task& caller, std::int64_t result) {
    return result < 0 ? result : tell_groups(caller, model, value, length, room);
  };
  return rewrite;
}

}  // namespace lichen::bare
