// What a step's stopped system call is answered with at tier `bare`: emulate's replies, and two
// that only make sense here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "emulate/reply.h"
#include "emulate/task.h"
#include "os/fd.h"

namespace lichen::bare {

using emulate::Answer;
using emulate::Continue;
using emulate::Errno;
// For what nobody could open again (O_TMPFILE, a memfd). With a listener only: in a ptrace stop
// handlers must say it as a Rewrite (Call::traced).
using emulate::NewFd;
using emulate::refuse;
using emulate::Value;

// The caller gets a descriptor of `file`, opened with `flags` (of open(2); O_CREAT, O_EXCL,
// O_NOFOLLOW and O_TMPFILE are not among them). The back end does it: with a listener the
// supervisor opens /proc/self/fd/N and injects the result (in a thread of its own when the open may
// wait: a FIFO); in a ptrace stop the caller opens the file by its real path.
struct OpenFile {
  os::UniqueFd file;  // O_PATH; not of a symlink, unless `flags` has O_PATH
  int flags = 0;
  std::string path;  // real path, when it is not that of `file`: a device of the host. "": file's
  bool makes_terminal = false;  // it is /dev/ptmx
};

// The caller runs another call instead; its registers are as before when it goes on. Only in a
// ptrace stop (Call::traced).
struct Rewrite {
  struct Text {  // bytes that are put below the caller's stack; argument `index` points to them
    std::size_t index;  // kNoArgument: only other texts do
    std::string bytes;  // a path needs its own NUL
    // Texts that point to texts (a msghdr to its address): at `offset` of `bytes`, 8 bytes become
    // the address of texts[text].
    struct Pointer {
      std::size_t offset, text;
    };
    std::vector<Pointer> pointers = {};
  };
  static constexpr std::size_t kNoArgument = 6;
  long nr = 0;
  emulate::Task::Arguments arguments{};
  std::vector<Text> texts;
  // In the stop after the call: may look, write to the caller's memory, and change the result
  // (negative: -errno). Empty: only the registers are restored.
  std::function<std::int64_t(const emulate::Task& task, std::int64_t result)> after;
};

using Reply = std::variant<Continue, Errno, Value, NewFd, OpenFile, Rewrite>;

inline Reply convert(emulate::Reply reply) {
  return std::visit([](auto&& simple) -> Reply { return std::move(simple); }, std::move(reply));
}

// A stopped call, and how it was stopped.
struct Call {
  const emulate::Task& task;
  bool traced = false;  // by ptrace: Rewrite is possible
};

}  // namespace lichen::bare
