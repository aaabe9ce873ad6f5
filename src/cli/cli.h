// The command line of lichen: finds the command, runs it, gives the exit status
// (docs/exit-codes.md).
//
//   int main(int argc, char** argv) { return lichen::cli::run({argv + 1, argv + argc}); }
//
// Must be called while the process has one thread: commands fork the keeper.
#pragma once

#include <string>
#include <vector>

namespace lichen::cli {

int run(const std::vector<std::string>& args);

}  // namespace lichen::cli
