// /dev of a step, and what its device nodes are when they are opened.
//
// Nobody can make device nodes here, so an empty file stands for each, in /dev as anywhere in the
// tree, and a record says what it is. The few devices that every program needs are the host's own.
#pragma once

#include <string>
#include <vector>

#include "bare/model.h"
#include "base/result.h"
#include "emulate/files.h"

namespace lichen::bare {

// Makes `scratch`/dev, and the mounts /dev, /dev/pts, /sys and /proc: what a container has.
Result<std::vector<Mount>> standard_mounts(const std::string& scratch, emulate::FileTable& files);

// What an open of this device's placeholder is: a path of the host, or EPERM, as a container's
// device cgroup says it; ENXIO: there is no terminal.
Answer<std::string> node_of(const Call& call, const owners::Record& device);

// Whether node_of() may be a path: null, zero, …, but no /dev/pts/N.
bool is_known_node(std::uint32_t major, std::uint32_t minor);

}  // namespace lichen::bare
