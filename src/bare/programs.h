// What execve(2) finds in a file: an ELF program and its interpreter's path, a script, or nothing
// that could be run. Remembered by inode and ctime.
//
//   const auto program = files.read(proc, file, status);
//   if (program->error != 0) return Errno{program->error};
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "bare/elf.h"
#include "bare/script.h"
#include "os/fd.h"

namespace lichen::bare {

struct ProgramFile {
  int error = 0;                 // what execve says of this file, if it cannot be run
  std::string why;               // of an error that a user would not guess: "is a 32-bit program"
  std::optional<Script> script;  // else it is an ELF program
  std::string interpreter;       // of an ELF program; "": none
  // Of a program for another machine, which cannot be run without an emulator.
  std::optional<ElfMachine> foreign = {};
};

// Thread-safe; bounded.
class ProgramFiles {
 public:
  // `file` is O_PATH, of a regular file, `status` is its (emulate::kStatusMask). Never null.
  std::shared_ptr<const ProgramFile> read(const os::UniqueFd& proc, const os::UniqueFd& file,
                                          const struct statx& status);

 private:
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::int64_t, std::uint32_t,
                         std::uint64_t>;  // device, inode, ctime, size
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const ProgramFile>> known_;
};

}  // namespace lichen::bare
