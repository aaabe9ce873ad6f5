// A descriptor of another process, as a descriptor of ours (pidfd_getfd(2), Linux 5.6). It is the
// same open file: what is done to it, the owner sees.
#pragma once

#include "emulate/task.h"
#include "os/fd.h"

namespace lichen::emulate {

// Not valid: no such descriptor, or the host does not allow it. Ask Task::valid() afterwards.
os::UniqueFd fetch_descriptor(const TaskStatus& owner, int number);

}  // namespace lichen::emulate
