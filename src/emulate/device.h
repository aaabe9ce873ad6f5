// Opening a device for whose node an empty file stands in the tree.
//
// No user namespace may make device nodes, but the container has those that every program needs in
// its /dev. An open of such a device's placeholder, wherever it is, gives a descriptor of the node;
// every other device is refused as a container runtime's device cgroup refuses it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "emulate/model.h"
#include "emulate/place.h"
#include "owners/record.h"

namespace lichen::emulate {

// Where the container has this device; "": nowhere. Pure.
std::string_view node_of(const owners::Record& device);

// The device number of the caller's controlling terminal; 0: none.
dev_t terminal_of(const Task& task);
// Which of the caller's standard streams is that terminal, relative to Task::proc(); "": none.
std::string terminal_stream(const Task& task, dev_t terminal);

// How an open(2) with these flags ends for a device, before it is looked up: 0, or errno. Pure.
int decide_device_open(const owners::Record& device, std::uint64_t flags);

// nullopt: `file` (O_PATH) is no placeholder. `credentials` have passed for the directories.
std::optional<Reply> open_device(const Task& task, const Model& model,
                                 const Credentials& credentials, const os::UniqueFd& file,
                                 std::uint64_t flags);

}  // namespace lichen::emulate
