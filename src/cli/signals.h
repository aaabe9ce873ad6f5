// SIGINT, SIGTERM and SIGHUP ask for an orderly end: they set a flag that every part of a build
// looks at. A second SIGINT within three seconds ends the process at once with status 130; its
// children end with it (parent-death signals).
//
// SIGPIPE is ignored: a reader that has gone is an error of the write.
#pragma once

#include <atomic>

namespace lichen::cli {

// Call first of all, once. The flag lives as long as the process.
std::atomic<bool>* install_signal_handlers();

// The terminal whose cursor is hidden, -1: none. It is shown again when the process is ended by a
// second SIGINT.
void set_hidden_cursor(int fd);

}  // namespace lichen::cli
