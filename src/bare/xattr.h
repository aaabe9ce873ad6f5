// What a step sees of extended attributes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lichen::bare {

inline constexpr std::string_view kCapabilityName = "security.capability";

enum class XattrKind {
  kUser,         // user.*, the file's own
  kCapability,   // security.capability, kept in the record
  kRefused,      // never there, EPERM: trusted.*, user.overlay.*, the rest of security.*
  kUnsupported,  // EOPNOTSUPP: ACLs, unknown namespaces
};
XattrKind kind_of(std::string_view name);

// A list as of listxattr(2) without what a step must not see.
std::string seen_names(std::string_view names);

// security.capability as images have it, of revision 2 or 3; nullopt: EINVAL.
std::optional<std::string> as_revision_2(std::string_view value);

}  // namespace lichen::bare
