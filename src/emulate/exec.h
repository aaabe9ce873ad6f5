// What execve(2) makes of a process's credentials: setuid and setgid bits, root's capabilities,
// ambient ones (capabilities(7), "Transformation of capabilities during execve"). File capabilities
// are not looked at. Pure.
#pragma once

#include "emulate/permission.h"

namespace lichen::emulate {

struct ExecRequest {
  Owned file;               // that the kernel will load: of a script, its interpreter
  bool honours_ids = true;  // not on a nosuid mount, and the process may gain privileges
};

Credentials decide(const ExecRequest& request, const Credentials& before);

}  // namespace lichen::emulate
