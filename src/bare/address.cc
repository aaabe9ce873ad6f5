#include "bare/address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace lichen::bare {

namespace {

constexpr std::size_t kPathAt = offsetof(sockaddr_un, sun_path);
static_assert(sizeof(sockaddr_un) == kMaxAddress);

bool is_one_of(std::uint32_t id, const emulate::Ids& ids) {
  return id == ids.real || id == ids.effective || id == ids.saved;
}

}  // namespace

std::optional<std::string> path_of_address(std::string_view address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() <= kPathAt || address.size() > kMaxAddress) return std::nullopt;
  std::memcpy(&family, address.data(), sizeof family);
  if (family != AF_UNIX) return std::nullopt;
  address.remove_prefix(kPathAt);
  std::string path(address.substr(0, address.find('\0')));
  if (path.empty()) return std::nullopt;
  return path;
}

std::string to_sockaddr(std::string_view path) {
  const sa_family_t family = AF_UNIX;
  std::string address(reinterpret_cast<const char*>(&family), sizeof family);
  address += path;
  address += '\0';
  return address;
}

bool change_credentials(std::string& control,
                        const std::function<PeerIds(const PeerIds& ids)>& change) {
  bool changed = false;
  std::size_t at = 0;
  while (control.size() - at >= sizeof(cmsghdr)) {
    cmsghdr header{};
    std::memcpy(&header, control.data() + at, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > control.size() - at) break;
    ucred ids{};
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS &&
        header.cmsg_len >= CMSG_LEN(sizeof ids)) {
      char* const data = control.data() + at + CMSG_LEN(0);
      std::memcpy(&ids, data, sizeof ids);
      const PeerIds now = change({ids.pid, ids.uid, ids.gid});
      changed |= now.uid != ids.uid || now.gid != ids.gid;
      ids.uid = now.uid;
      ids.gid = now.gid;
      std::memcpy(data, &ids, sizeof ids);
    }
    at += std::min(CMSG_ALIGN(header.cmsg_len), control.size() - at);
  }
  return changed;
}

bool may_claim(const emulate::Credentials& credentials, const PeerIds& ids) {
  return (is_one_of(ids.uid, credentials.uid) || credentials.capable(CAP_SETUID)) &&
         (is_one_of(ids.gid, credentials.gid) || credentials.capable(CAP_SETGID));
}

}  // namespace lichen::bare
