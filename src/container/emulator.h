// Programs for another processor than the host's: who runs them in a step.
//
//   const ForeignPrograms programs = TRY(ForeignPrograms::enable("arm64"));  // in a worker; ids
//   and userns … launch the step; while the value lives, the kernel hands such programs to an
//   emulator …
//
// Where the host has registered one with the kernel (binfmt_misc, with flag F: its file is open
// already, so that a step without it in its root can use it), nothing has to be done. Else a
// binfmt_misc of the worker's user namespace is made, which no one else sees, and the host's
// qemu-ARCH-static programs are registered there; Linux 6.7 has that. At tier bare the step's
// supervisor does it without the kernel (bare/exec.h).
//
// Whether the host's registration works is found out by trying: it may be invisible from here, or
// name a file that a step does not have. So is whether an x86-64 kernel runs programs for 386.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bare/elf.h"
#include "base/result.h"
#include "oci/types.h"
#include "os/fd.h"

namespace lichen::container {

// A static program of the host that runs those of another processor.
struct Emulator {
  std::string architecture;  // Go's name: arm64
  bare::ElfMachine machine;
  std::string program;  // absolute path

  friend bool operator==(const Emulator&, const Emulator&) = default;
};

// What RunJob::architecture is for a step of `platform`: "" where this machine needs no emulator
// for it. kUnsupported: no Linux.
Result<std::string> foreign_architecture(const oci::Platform& platform);

// All that are installed, of Debian's package qemu-user-static or under the same names.
std::vector<Emulator> find_emulators();
// Of them, that for `architecture`; kUnsupported names the package.
Result<Emulator> choose_emulator(const std::vector<Emulator>& all, const std::string& architecture);

// A line for binfmt_misc's file `register`.
std::string registration_of(const Emulator& emulator);

// A program for `machine`: a kernel that can run such, by itself or by an emulator, executes it,
// every other says ENOEXEC. For 386 it is whole, and ends at once; for others it is a header
// without a program, which tells nobody but an emulator.
std::string probe_program(const bare::ElfMachine& machine);

class ForeignPrograms {
 public:
  // For programs of `architecture`, in a worker that has mounts of its own and one thread.
  static Result<ForeignPrograms> enable(const std::string& architecture);

 private:
  os::UniqueFd mount_;  // of our own binfmt_misc; its entries go when nothing has it mounted
};

}  // namespace lichen::container
