#include "store/attributes.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "os/file.h"

namespace lichen::store {

namespace {

constexpr std::string_view kUser = "user.";
constexpr std::string_view kOverlay = "user.overlay.";
constexpr std::string_view kEscape = "user.overlay.overlay.";

// linux/capability.h: little endian, magic and flags, then two times permitted and inheritable;
// revision 3 appends the root uid.
constexpr std::size_t kRevision2Bytes = 20, kRevision3Bytes = 24;

std::string value_of(const os::UniqueFd& fd, const std::string& name) {
  std::string value(256, '\0');
  ssize_t count = ::fgetxattr(fd.get(), name.c_str(), value.data(), value.size());
  if (count < 0 && errno == ERANGE) {
    value.resize(65536);
    count = ::fgetxattr(fd.get(), name.c_str(), value.data(), value.size());
  }
  value.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return value;
}

}  // namespace

std::string to_revision_2(std::string_view capability) {
  const bool is_newer = capability.size() == kRevision3Bytes && capability[3] == 3;
  std::string bytes(is_newer ? capability.substr(0, kRevision2Bytes) : capability);
  if (is_newer) bytes[3] = 2;
  return bytes;
}

Result<Xattrs> image_xattrs(const os::UniqueFd& fd) {
  Xattrs xattrs;
  char small[1024];
  std::string large;
  const char* names = small;
  ssize_t size = ::flistxattr(fd.get(), small, sizeof small);
  if (size < 0 && errno == ERANGE) {
    large.resize(65536);
    names = large.data();
    size = ::flistxattr(fd.get(), large.data(), large.size());
  }
  if (size < 0) {
    if (errno == EOPNOTSUPP) return xattrs;
    return fail(os_error("list xattrs", ""));
  }
  for (const char* at = names; at < names + size; at += std::strlen(at) + 1) {
    const std::string name = at;
    if (name == kCapability)
      xattrs[name] = to_revision_2(value_of(fd, name));
    else if (starts_with(name, kEscape))
      xattrs[std::string(kOverlay) + name.substr(kEscape.size())] = value_of(fd, name);
    else if (starts_with(name, kUser) && !starts_with(name, kOverlay))
      xattrs[name] = value_of(fd, name);
  }
  return xattrs;
}

Result<void> set_image_xattrs(Tier tier, const os::UniqueFd& fd, const Xattrs& xattrs) {
  for (const auto& [name, value] : xattrs) {
    std::string kept;
    if (name == kCapability || (starts_with(name, kUser) && !starts_with(name, kOverlay)))
      kept = name;
    else if (starts_with(name, kOverlay))
      kept = std::string(kEscape) + name.substr(kOverlay.size());
    else
      continue;  // of a security module or of the host that made the layer
    if (kept == kCapability && tier == Tier::kBare) continue;
    auto set = os::set_xattr(fd, kept, kept == kCapability ? to_revision_2(value) : value);
    if (set) continue;
    if (set.error().os_errno == EOPNOTSUPP)
      return fail(Errc::kUnsupported,
                  "the file system of the store does not take the attribute " + printable(name) +
                      " of this image",
                  "put the store on a local file system with --root");
    return set;
  }
  return {};
}

mode_t record_attributes(Tier tier, mode_t mode, bool is_directory, const Xattrs& xattrs,
                         owners::Record& record) {
  mode &= 07777;
  if (tier != Tier::kBare) return mode;
  // Anything else would not have been accepted by a kernel, either.
  if (const auto found = xattrs.find(kCapability); found != xattrs.end()) {
    record.capability = to_revision_2(found->second);
    if (record.capability.size() != kRevision2Bytes || record.capability[3] != 2)
      record.capability.clear();
  }
  const mode_t real = owners::bare_mode(mode, is_directory);
  if (real != mode) record.mode = mode;
  return real;
}

Result<owners::Record> give(Tier tier, const os::UniqueFd& directory, const std::string& name,
                            std::uint64_t uid, std::uint64_t gid) {
  constexpr std::uint64_t kNobody = 0xffffffff;  // (uid_t)-1: "leave it", to the kernel
  if (uid >= kNobody || gid >= kNobody)
    return fail(Errc::kCorrupt,
                "impossible owner " + std::to_string(uid) + ":" + std::to_string(gid));
  const owners::Record record{.uid = static_cast<std::uint32_t>(uid),
                              .gid = static_cast<std::uint32_t>(gid)};
  if (tier != Tier::kIds || record.is_default()) return record;
  const char* path = name.empty() ? "." : name.c_str();
  if (::fchownat(directory.get(), path, record.uid, record.gid, AT_SYMLINK_NOFOLLOW) == 0)
    return owners::Record{};
  if (errno != EINVAL) return fail(os_error("chown", name));
  return record;  // beyond the map
}

Identity identity_of(Tier tier, const struct ::stat& status, const owners::Record* record) {
  Identity identity{.type = status.st_mode & S_IFMT, .mode = status.st_mode & 07777};
  if (record != nullptr) {
    identity.uid = record->uid;
    identity.gid = record->gid;
    if (record->mode) identity.mode = *record->mode & 07777;
    identity.capability = record->capability;
    // A record can be older than the file: what a step wrote to is no placeholder any more.
    if (record->type != 0 && S_ISREG(status.st_mode) && status.st_size == 0) {
      identity.type = record->type;
      identity.dev_major = record->dev_major;
      identity.dev_minor = record->dev_minor;
    }
  }
  if (tier == Tier::kIds && (status.st_uid != 0 || status.st_gid != 0)) {
    identity.uid = status.st_uid;
    identity.gid = status.st_gid;
  }
  return identity;
}

}  // namespace lichen::store
