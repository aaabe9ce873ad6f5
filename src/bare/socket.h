// Parts of answer_socket(), one file each: where sockets are made and reached (socket.cc), messages
// (message.cc), and whose they are (peer.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bare/model.h"

namespace lichen::bare {

// The path in a sockaddr of the caller's memory; nullopt: not for us to say anything about.
std::optional<std::string> read_address(const emulate::Task& task, std::uint64_t address,
                                        std::uint64_t bytes);
// A path by which the kernel reaches the socket that the step calls `path`: as connect(2) says,
// ENOENT, EACCES, ECONNREFUSED …
Answer<std::shared_ptr<const ShortPath>> reach(const Call& call, Model& model,
                                               const std::string& path);

// The sockaddr that the kernel wrote for `room` bytes at `address`, with its length at `length`, is
// made what the step calls that socket.
void translate_address(const emulate::Task& task, const Sockets& sockets, std::uint64_t address,
                       std::uint32_t room, std::uint64_t length);
// Who a process is, to its peers. What is not of the step is root when it is us, else nobody.
struct PeerNow {
  std::uint32_t uid = 0, gid = 0;
};
PeerNow effective_ids(const Model& model, pid_t process, std::uint32_t uid, std::uint32_t gid);
PeerNow real_ids(const Model& model, pid_t process, std::uint32_t uid, std::uint32_t gid);

Reply answer_send_message(const Call& call, Model& model);     // sendmsg, sendmmsg
Reply answer_receive_message(const Call& call, Model& model);  // recvmsg
// getsockname, getpeername, accept, accept4, recvfrom
Reply answer_address(const Call& call, Model& model, std::size_t address_arg);
Reply answer_peer(const Call& call, Model& model);  // getsockopt

}  // namespace lichen::bare
