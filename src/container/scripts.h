// The scripts that a command names, as far as they can be found by looking at its words: what a
// step will do is guessed from their text (emulate::shows_devices).
//
//   words = argv + TRY(scripts_of(root, job.cwd, job.argv));
//
// The tree and the command are hostile: nothing outside of the tree is opened, nothing is waited
// for, and no more is read than kMaxScripts files of kMaxScriptBytes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "os/fd.h"

namespace lichen::container {

inline constexpr std::size_t kMaxScripts = 16;
inline constexpr std::size_t kMaxScriptBytes = 256u << 10;

// The content of each word of `argv`, split as a shell would about do it, that is the path of a
// small regular file beginning with "#!" or of text, absolute or relative to `cwd`. What cannot be
// read is left out.
std::vector<std::string> scripts_of(const os::UniqueFd& root, const std::string& cwd,
                                    const std::vector<std::string>& argv);

}  // namespace lichen::container
