// Files of /proc/PID whose text names real paths, or mounts that the step does not have: what the
// step reads instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bare/model.h"

namespace lichen::bare {

// The file that has this path below /proc ("/12/maps"): nullopt: as it is.
std::optional<Answer<std::string>> proc_text(const Call& call, const Model& model,
                                             std::string_view in_proc);

// 0, or errno: may the caller open this file of /proc, for writing or not? In /proc only the files
// of its own processes may be written to; a process's memory belongs to it alone.
int decide_proc_open(const Call& call, std::string_view in_proc, bool writes);

// "7f00-7f01 r-xp 0 fe:00 12   /real/root/lib/libc.so" with the path in the step's view. Pure, but
// for the tree's table of mounts.
std::string translated_maps(const Tree& tree, std::string_view maps);
std::string mounts_text(const Tree& tree);     // /proc/PID/mounts
std::string mountinfo_text(const Tree& tree);  // /proc/PID/mountinfo

}  // namespace lichen::bare
