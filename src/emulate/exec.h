// What execve(2) makes of a process's credentials: setuid and setgid bits, root's capabilities,
// ambient ones, those of the file (capabilities(7), "Transformation of capabilities during
// execve"). Pure.
#pragma once

#include <optional>
#include <string_view>

#include "emulate/permission.h"

namespace lichen::emulate {

// security.capability, as a program in the container reads it.
struct FileCapabilities {
  CapabilitySet permitted = kNoCapabilities, inheritable = kNoCapabilities;
  bool effective = false;  // all that is gained takes effect at once
  friend bool operator==(const FileCapabilities&, const FileCapabilities&) = default;
};
std::optional<FileCapabilities> parse_file_capabilities(std::string_view xattr);  // revisions 1-3

struct ExecRequest {
  Owned file;               // that the kernel will load: of a script, its interpreter
  bool honours_ids = true;  // not on a nosuid mount, and the process may gain privileges
  std::optional<FileCapabilities> capabilities;  // honoured under the same condition
};

Credentials decide(const ExecRequest& request, const Credentials& before);
// EPERM: the file wants capabilities in effect that this process cannot gain.
bool lacks_capabilities(const ExecRequest& request, const Credentials& before);

}  // namespace lichen::emulate
