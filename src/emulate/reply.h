// What the Supervisor answers to a notified system call.
//
// decide() functions return an Answer: the value that they computed, or the errno that the program
// gets. An errno here is not an Error of lichen: it is what the model says that the kernel says.
#pragma once

#include <cerrno>
#include <cstdint>
#include <tl/expected.hpp>
#include <utility>
#include <variant>

#include "os/fd.h"

namespace lichen::emulate {

// The kernel runs the call as it stands. Also the answer to whatever the Supervisor cannot find or
// read: the kernel's own error is the right one.
struct Continue {
  friend bool operator==(Continue, Continue) = default;
};
struct Errno {
  int number = EINVAL;
  friend bool operator==(Errno, Errno) = default;
};
struct Value {
  std::int64_t value = 0;
  friend bool operator==(Value, Value) = default;
};
struct NewFd {  // becomes a descriptor of the caller, whose number the call returns
  os::UniqueFd fd;
  bool cloexec = false;
};
using Reply = std::variant<Continue, Errno, Value, NewFd>;

template <class T>
using Answer = tl::expected<T, Errno>;
inline tl::unexpected<Errno> refuse(int number) {
  return tl::unexpected<Errno>(Errno{number});
}

}  // namespace lichen::emulate
