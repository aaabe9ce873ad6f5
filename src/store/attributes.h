// Extended attributes and owners as images know them, and as a layer directory holds them. Internal
// to store.
//
// A layer directory belongs to overlayfs, so its attributes user.overlay.* are overlayfs' own; an
// image's attribute of such a name is kept as user.overlay.overlay.* (which overlayfs of Linux 6.7
// shows under its real name). File capabilities are revision 2 in images; outside of a user
// namespace the kernel shows revision 3, with the namespace's root.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fd.h"
#include "owners/record.h"
#include "store/tree.h"

namespace lichen::store {

inline constexpr char kCapability[] = "security.capability";
using Xattrs = std::map<std::string, std::string>;

// Those of an image, of an open file: user.* and security.capability.
Result<Xattrs> image_xattrs(const os::UniqueFd& fd);
// Sets those that belong in images; others are dropped. Needs a descriptor that is not O_PATH. At
// tier bare a capability is left out: it is for record_attributes(). kUnsupported: the file system
// does not take them.
Result<void> set_image_xattrs(Tier tier, const os::UniqueFd& fd, const Xattrs& xattrs);
std::string to_revision_2(std::string_view capability);

// Gives a file that is now 0:0 to uid:gid, as far as the kernel can; the rest is the record. Ids of
// 2^32-1 and more do not exist: kCorrupt.
Result<owners::Record> give(Tier tier, const os::UniqueFd& directory, const std::string& name,
                            std::uint64_t uid, std::uint64_t gid);

// The real mode of a file that shall have `mode` and `xattrs`. At tier bare the record gets what
// the file itself cannot have.
mode_t record_attributes(Tier tier, mode_t mode, bool is_directory, const Xattrs& xattrs,
                         owners::Record& record);

// The owner, mode, or device, that a file of a layer really is.
struct Identity {
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t type = 0;  // S_IFMT bits; S_IFCHR or S_IFBLK for a placeholder
  std::uint32_t dev_major = 0, dev_minor = 0;
  mode_t mode = 0;         // 12 bits
  std::string capability;  // of the record; "": the file's own, if any
};
Identity identity_of(Tier tier, const struct ::stat& status, const owners::Record* record);

}  // namespace lichen::store
