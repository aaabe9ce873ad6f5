// What a device node becomes: the record of its placeholder, or EPERM. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "emulate/reply.h"
#include "owners/record.h"

namespace lichen::emulate {

// `device` as the system call has it; `owner` as of any other new file.
Answer<owners::Record> decide_device(mode_t mode, std::uint32_t device, bool may_make_devices,
                                     owners::Record owner);

}  // namespace lichen::emulate
