// Unix socket addresses and the ids that ride beside messages, as bytes in a program's memory.
// Pure. Rules: unix(7); net/unix/af_unix.c, net/core/scm.c of Linux 6.1.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emulate/credentials.h"
#include "emulate/reply.h"

namespace lichen::bare {

// sizeof(sockaddr_un): more is no unix address.
inline constexpr std::size_t kMaxAddress = 110;

// The path in a sockaddr; nullopt: of another family, unnamed, abstract, or none at all.
std::optional<std::string> path_of_address(std::string_view address);
std::string to_sockaddr(std::string_view path);

struct PeerIds {
  pid_t process = 0;
  std::uint32_t uid = 0, gid = 0;
};

// Every SCM_CREDENTIALS in a control buffer gets the ids that `change` says; true: some were there
// and are others now. What is malformed is left to the kernel.
bool change_credentials(std::string& control,
                        const std::function<PeerIds(const PeerIds& ids)>& change);
// May a process say of itself that it is `ids`?
bool may_claim(const emulate::Credentials& credentials, const PeerIds& ids);

}  // namespace lichen::bare
