// A program of the host that runs those of another processor, as qemu's user mode does:
// PROGRAM -0 ARGV0 PATH ARGUMENT…
#pragma once

#include <string>

#include "bare/elf.h"

namespace lichen::bare {

struct Emulator {
  ElfMachine machine;
  std::string program;  // real path; it needs no interpreter
};

}  // namespace lichen::bare
