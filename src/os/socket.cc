#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace lichen::os {

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(os_error("socketpair", ""));
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<std::pair<UniqueFd, UniqueFd>> pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail(os_error("pipe", ""));
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<void> send_message(const UniqueFd& socket, std::string_view bytes,
                          const std::vector<int>& fds) {
  LICHEN_ASSERT(bytes.size() <= kMaxMessageBytes && fds.size() <= kMaxMessageFds);
  std::uint32_t length = static_cast<std::uint32_t>(bytes.size());
  iovec parts[2] = {{&length, sizeof length}, {const_cast<char*>(bytes.data()), bytes.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)] = {};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  std::size_t left = sizeof length + bytes.size();
  while (left > 0) {
    const ssize_t sent = ::sendmsg(socket.get(), &header, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail(Errc::kUnavailable, "a lichen process is gone (send)");
    left -= static_cast<std::size_t>(sent);
    header.msg_control = nullptr;  // descriptors went with the first bytes
    header.msg_controllen = 0;
    std::size_t skip = static_cast<std::size_t>(sent);
    for (iovec& part : parts) {
      const std::size_t now = skip < part.iov_len ? skip : part.iov_len;
      part.iov_base = static_cast<char*>(part.iov_base) + now;
      part.iov_len -= now;
      skip -= now;
    }
  }
  return {};
}

namespace {

void take_descriptors(const msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

Result<void> receive_exactly(const UniqueFd& socket, char* buffer, std::size_t size,
                             std::vector<UniqueFd>& fds) {
  while (size > 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
    iovec part{buffer, size};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t count = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(Errc::kUnavailable, "a lichen process is gone (receive)");
    take_descriptors(header, fds);
    buffer += count;
    size -= static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace

Result<Message> receive_message(const UniqueFd& socket) {
  Message message;
  std::uint32_t length = 0;
  TRY(receive_exactly(socket, reinterpret_cast<char*>(&length), sizeof length, message.fds));
  if (length > kMaxMessageBytes) return fail(Errc::kInternal, "message too long");
  message.bytes.resize(length);
  TRY(receive_exactly(socket, message.bytes.data(), length, message.fds));
  return message;
}

}  // namespace lichen::os
