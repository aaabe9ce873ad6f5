// SIGINT, SIGTERM and SIGHUP ask for an orderly end: they set a flag that every part of a build
// looks at. A second SIGINT within three seconds ends the process at once with status 130; its
// children end with it (parent-death signals).
//
// `lichen run` and `lichen debug shell` pass signals on to the command while it runs, and SIGQUIT,
// SIGUSR1, SIGUSR2 and SIGWINCH, too: they ask for no end then. A second SIGINT is as above.
//
// SIGPIPE is ignored: a reader that has gone is an error of the write.
#pragma once

#include <atomic>

#include "build/request.h"

namespace lichen::cli {

// Call first of all, once. The flag lives as long as the process.
std::atomic<bool>* install_signal_handlers();

// Also takes the signals that only a command can have a use for. Once; null: no descriptors left.
build::SignalRelay* pass_signals();

// The terminal whose cursor is hidden, -1: none. It is shown again when the process is ended by a
// second SIGINT.
void set_hidden_cursor(int fd);

}  // namespace lichen::cli
