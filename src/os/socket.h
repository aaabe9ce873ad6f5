// Unix socket pairs that carry framed messages and descriptors between lichen's own processes.
//
// A message is a 4-byte length and bytes; descriptors ride beside its first byte (SCM_RIGHTS).
// One thread an end. The peer is one of our own processes, but a length is still bounded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::os {

inline constexpr std::size_t kMaxMessageBytes = 64u << 20;
inline constexpr std::size_t kMaxMessageFds = 16;

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

Result<std::pair<UniqueFd, UniqueFd>> socket_pair();
Result<void> send_message(const UniqueFd& socket, std::string_view bytes,
                          const std::vector<int>& fds = {});
// kUnavailable when the peer is gone before a whole message came.
Result<Message> receive_message(const UniqueFd& socket);
Result<std::pair<UniqueFd, UniqueFd>> pipe();  // read end, write end

}  // namespace lichen::os
